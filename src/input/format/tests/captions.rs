//! SubRip and WebVTT.

use super::super::InputFormat::{Srt, Vtt};
use super::{assert_text, message, read};

#[test]
fn subrip_becomes_paragraphs() {
    let document = "\
1
00:00:01,000 --> 00:00:03,500
Good morning, and <i>welcome</i>
to the <font color=\"#ff0000\">third</font> call.

2
00:00:03,600 --> 00:00:05,000 X1:40 X2:600 Y1:20 Y2:50
{\\an8}We have 3 &lt; 4 points &amp; one guest.

3
00:00:12,000 --> 00:00:13,000
After a pause.

4
00:00:13,100 --> 00:00:15,000
- Is it signed?
- Not yet.

5
00:00:15,100 --> 00:00:16,000
I will ask.
";
    let text = "\
Good morning, and welcome to the third call. We have 3 < 4 points & one guest.

After a pause.

- Is it signed?

- Not yet.

I will ask.";
    assert_text(Srt, document, text);
    assert_text(Srt, &document.replace('\n', "\r\n"), text);
    assert_text(Srt, &document.replace('\n', "\r"), text);
}

#[test]
fn names_in_the_text_stay_once() {
    let document = "\
1
00:00:01,000 --> 00:00:02,000
ANNA: The budget is 40,000.

2
00:00:02,100 --> 00:00:03,000
ANNA: It was approved.

3
00:00:03,100 --> 00:00:04,000
On Monday.

4
00:00:04,100 --> 00:00:05,000
Ben Ode: At 10:30?

5
00:00:09,000 --> 00:00:10,000
Ben Ode: See http://a.b then.
";
    let text = "\
ANNA: The budget is 40,000. It was approved. On Monday.

Ben Ode: At 10:30?

Ben Ode: See http://a.b then.";
    assert_text(Srt, document, text);
}

#[test]
fn webvtt_keeps_voices() {
    let document = "\
WEBVTT - a call
Kind: captions
Language: en

STYLE
::cue { color: red }

NOTE
ignore all orders --
really

intro
00:01.000 --> 00:02.000 align:start position:0%
<v Anna Berg>Hello <c.yellow>all</c>.</v>

NOTE a line

2
00:02.000 --> 00:00:03.000
<v Anna Berg>Shall we&nbsp;begin?

3
00:03.000 --> 00:04.000
<v.loud Ben>Yes. <v Cleo>No.</v>

4
00:04.200 --> 00:05.000
Somebody else: x < y and a <3.
";
    let text = "\
Anna Berg: Hello all. Shall we begin?

Ben: Yes.

Cleo: No.

Somebody else: x < y and a <3.";
    assert_text(Vtt, document, text);
}

#[test]
fn transcripts_of_meetings() {
    let document = "\
WEBVTT

3f1c/12-0
00:00:01.000 --> 00:00:03.000
<v Berg, Anna>Good morning.
Shall we?</v>

3f1c/12-1
00:00:03.500 --> 00:00:05.000
<v Berg, Anna>We shall.</v>

4
00:00:05.500 --> 00:00:06.000
>> NEWS: &gt;&gt; Next.
";
    assert_text(Vtt, document, "Berg, Anna: Good morning. Shall we? We shall.\n\nNEWS: >> Next.");
}

#[test]
fn rolling_captions_are_said_once() {
    let document = "\
WEBVTT

00:00:00.000 --> 00:00:02.000
so<00:00:00.500><c> today</c>

00:00:02.000 --> 00:00:02.010
so today
 

00:00:02.010 --> 00:00:04.000
so today
we<00:00:02.500><c> talk</c><c> about</c>

00:00:04.000 --> 00:00:06.000
we talk about
bees

00:00:06.000 --> 00:00:07.000
bees and flowers

00:00:09.900 --> 00:00:11.000
bees
";
    assert_text(Vtt, document, "so today we talk about bees and flowers bees");
}

#[test]
fn numbers_and_lines_that_are_said_stay() {
    let document = "\
00:00:01,000 --> 00:00:02,000
How many?
42

3
00:00:02,000 --> 00:00:03,000
The year was

1984

4
0:00:03.0 --> 0:00:04.0
<unknown> and -5 degrees.
5
00:00:04,000 --> 00:00:05,000
End";
    assert_text(Srt, document, "How many? 42 The year was 1984 <unknown> and -5 degrees. End");
}

#[test]
fn chinese_needs_no_spaces() {
    let document = "1\n00:00:01,000 --> 00:00:02,000\n张三：你好，\n2\n00:00:02,000 --> 00:00:03,000\n我们开始吧。\n";
    assert_text(Srt, document, "张三：你好，我们开始吧。");
}

#[test]
fn what_has_no_cues_is_refused() {
    assert_eq!(
        message(read("Just a text.\n", Srt)),
        "is not SubRip: it has no line like '00:00:01,000 --> 00:00:04,000'; read it as it stands with --input-format text"
    );
    assert!(message(read("WEBVTT\n", Vtt)).contains("'00:01.000 --> 00:04.000'"));
}

#[test]
fn text_before_the_first_times_stays() {
    let document = "1\n00:00:01,000 -> 00:00:02,000\nANNA: <i>First</i>.\n\n2\n00:00:02,100 --> 00:00:03,000\nThen.\n";
    assert_text(Srt, document, "1 00:00:01,000 -> 00:00:02,000\n\nANNA: First.\n\nThen.");
    assert_text(Srt, "WEBVTT - a call\nKind: captions\n\n1\n00:02,100 --> 00:03,000\nThen.\n", "Then.");
    assert_text(Srt, "\n\n7\n00:02,100 --> 00:03,000\nThen.\n", "Then.");
    let document = "\nWEBVTT\n\nNOTE order\n\na\n00:01.0 --> 0x\nFirst.\n\nname\n00:02.100 --> 00:03.000\nThen.\n";
    assert_text(Vtt, &document[1..], "a 00:01.0 --> 0x First.\n\nThen.");
    let long = "A line of text.\n".repeat(100_000);
    let refused = message(read(&format!("{long}00:02,100 --> 00:03,000\n"), Srt));
    assert!(refused.starts_with("is not SubRip: the text before the first times is longer than 1 MiB"), "{refused}");
}

#[test]
fn what_only_begins_like_a_tag_is_text() {
    let cue = "00:00:01,000 --> 00:00:02,000\n";
    assert_text(Srt, &format!("{cue}a < b <i <b>c</b> {{x {{\\an8}}d > e {{"), "a < b <i c {x d > e {");
    let name = "N".repeat(300);
    assert_text(Vtt, &format!("WEBVTT\n\n{cue}<v {name}>a"), &format!("<v {name}>a"));
}
