//! Markdown.

use super::super::InputFormat::Markdown;
use super::{assert_text, message, read};

#[test]
fn marks_are_dropped() {
    let document = "\
---
title: Settings
---

# The *report*

Some **bold** and `code`, a [link](http://a.b \"t\"), <http://c.d>,
an ![image of a hill](x.png) and a\\
break. ~~Not~~ this&nbsp;&amp; that.

Setext
------

> Quoted
> text

- One
- Two
  1. a
  2. b
- [x] done

3. three
4. four

| Year | Sum |
|------|----:|
| 2024 | *12* |

```rust
fn main() {
    // kept

}
```

***

See [the note][n] and [sic], x[i][j].[^1]

[n]: http://e.f
[^1]: A footnote.
";
    let text = "\
The report

Some bold and code, a link, http://c.d, an image of a hill and a
break. Not this & that.

Setext

Quoted text

- One
- Two
  1. a
  2. b
- [x] done

3. three
4. four

Year | Sum
2024 | 12

fn main() {
    // kept

}

See the note and [sic], x[i][j].[^1]

[^1]: A footnote.";
    assert_text(Markdown, document, text);
    assert_text(Markdown, &document.replace('\n', "\r\n"), text);
}

#[test]
fn html_within_is_read_as_html() {
    let document = "\
<!-- order

order -->
<p align=\"center\">Shown &amp; kept</p>

a<!-- order --> b <b>c</b><br>d <span hidden>order</span><script>order</script>e

<div hidden>

order

</div>

<script>
order

order</script>

<details><summary>More</summary>

*less*

</details>
";
    assert_text(Markdown, document, "Shown & kept\n\na b c\nd e\n\nMore\n\nless");
}

#[test]
fn what_only_looks_like_front_matter_stays() {
    assert_text(Markdown, "+++\na = 1\n+++\ntext", "text");
    assert_text(Markdown, "---\nnot: closed", "not: closed");
    assert_text(Markdown, "text\n\n---\nkept\n\n---\n", "text\n\nkept");
    assert_text(Markdown, "---\n\n# Title\n\ntext\n\n---\n\nMore", "Title\n\ntext\n\nMore");
    assert_text(Markdown, "---\nOnce upon a time.\n\n---\n\nMore", "Once upon a time.\n\nMore");
    assert_text(Markdown, "---\n# Title\n\nAll text\n\n---\n", "Title\n\nAll text");
    assert_text(Markdown, "---\n# Title\n\n- a\n- b\n\n---\n", "Title\n\n- a\n- b");
    assert_text(Markdown, "---\n- a\n- b: c\n\n---\n", "- a\n- b: c");
    assert_text(Markdown, "---\nfirst: line\nAnd so on.\n\n---\nMore", "first: line And so on.\n\nMore");
    assert_text(
        Markdown,
        "---\nThe bridge, as they said in the report of the third year: closed\n---\n",
        "The bridge, as they said in the report of the third year: closed",
    );
    let settings = "# by hand\ntitle: A: b\n\"quoted\": x\ntags:\n- a\n-\n  b: [c,\n    d\n]\n\ntext: |\n  Some\n\n  lines.\nurl: x";
    assert_text(Markdown, &format!("---\n{settings}\n---\ntext"), "text");
    assert_text(Markdown, &format!("---\n{settings}\n...\ntext"), "text");
    let long = format!("---\n{}---\nend", "word: a\n\n".repeat(20_000));
    assert!(read(&long, Markdown).unwrap().starts_with("word: a\n\nword"));
}

#[test]
fn images_of_megabytes_are_dropped() {
    let data = "QUJD".repeat(1 << 20);
    let document = format!("a ![x](data:image/png;base64,{data}) b\n\n[i]: <data:image/png;base64,{data}>\n\nc");
    assert_eq!(read(&document, Markdown).unwrap(), "a x b\n\nc");
}

#[test]
fn long_documents_are_split_between_blocks() {
    let block = "# Head\n\nA paragraph\nof *two* lines.\n\n```\ncode\n\n# no head\n```\n\n> quote\n\n<!--\norder\n\norder -->\n\n";
    let text = "Head\n\nA paragraph of two lines.\n\ncode\n\n# no head\n\nquote\n\n";
    assert_eq!(read(&block.repeat(5000), Markdown).unwrap(), text.repeat(5000).trim_end());
}

#[test]
fn long_blocks_stay_what_they_are() {
    let list: String = (1..100_000).map(|n| format!("{n}. item\n")).collect();
    assert_eq!(read(&list, Markdown).unwrap().replace("\n\n", "\n"), list.trim_end());
    let code = "# no head\n\n".repeat(300_000);
    let read_code = read(&format!("```sh\n{code}```\n*a*"), Markdown).unwrap();
    assert_eq!(read_code.lines().filter(|l| !l.is_empty()).count(), 300_001);
    assert!(read_code.starts_with("# no head\n\n# no") && read_code.ends_with("\n\na"));
    let comment = "order\n\n".repeat(400_000);
    assert_eq!(read(&format!("<!--\n{comment}-->\na"), Markdown).unwrap(), "a");
    assert_eq!(read(&format!("<script>\n{comment}</script>\na"), Markdown).unwrap(), "a");
    let page =
        read(&format!("<div>\n{}</div>\n\n*a*", "<p>word</p><!-- order -->\n".repeat(100_000)), Markdown).unwrap();
    assert!(page.lines().all(|l| ["word", "a", ""].contains(&l)) && page.ends_with("\n\na"));
    assert_eq!(page.matches("word").count(), 100_000);
    let line = read(&"A word <!-- order --> and *more*. ".repeat(100_000), Markdown).unwrap();
    assert!(!line.contains("order") && line.matches("word").count() == 100_000);
    let row = "| a | b |\n".repeat(200_000);
    let table = read(&format!("| c | d |\n|---|---|\n{row}"), Markdown).unwrap();
    assert!(table.lines().all(|l| ["a | b", "c | d", ""].contains(&l)));
    assert_eq!(table.matches("a | b").count(), 200_000);
}

#[test]
fn a_word_in_pointed_brackets_hides_nothing() {
    for name in ["object", "template", "select", "video", "svg", "script", "noscript", "style", "annotation"] {
        let text = "A List holds anything.\n\nMore";
        assert_text(Markdown, &format!("A List<{name}> holds anything.\n\nMore"), text);
        assert_text(
            Markdown,
            &format!("# A List<{name}> holds\nanything.\n\nMore"),
            "A List holds\n\nanything.\n\nMore",
        );
        assert_text(
            Markdown,
            &format!("- A List<{name}> holds\n- anything.\n\nMore"),
            "- A List holds\n- anything.\n\nMore",
        );
        assert_text(Markdown, &format!("|a|b|\n|-|-|\n|x<{name}> y|z|\n\nMore"), "a | b\nx y | z\n\nMore");
        assert_text(Markdown, &format!("A<{name}>order</{name}> b."), "A b.");
        // in a quote or an item, a block that opens ends with that
        assert_text(Markdown, &format!("> <div>\n> A<b>b</b>\n\n> a <{name}>b\n\nMore"), "Ab\n\na b\n\nMore");
    }
    assert_text(Markdown, "- <object>\n\n  a\n- b\n\nc", "- a\n\n- b\n\nc");
    assert_text(Markdown, "<object>\n\na\n\n- b\n\nc", "a\n\n- b\n\nc");
    assert_text(Markdown, "<object>\n\na\n\n- b\n\n</object>\n\nc", "c");
    assert_text(Markdown, "a <span hidden>order *order*\n\nb <pre>c\n\nd\n  e", "a\n\nb\n\nc\n\nd e");
    // what a block opened, a line may end
    assert_text(Markdown, "<div hidden>\n\norder\n\norder</div> a <template> b\n\nc", "a b\n\nc");
    for (document, what) in [("a\n\n<script> is a tag\n\nb", "a <script>"), ("a\n\n<!-- b\n\nc", "a comment")] {
        assert!(message(read(document, Markdown)).starts_with(&format!("has {what} that never ends")), "{document}");
    }
    let text = read(&format!("a\n\n<div hidden>\n\n{}", "order\n\n".repeat(100_000)), Markdown);
    assert!(message(text).starts_with("has a <div> that never ends"));
}

#[test]
fn words_behind_the_mark_of_data_stay() {
    assert_text(
        Markdown,
        "It ends with ;base64,and then the data; or ;base64,",
        "It ends with ;base64,and then the data; or ;base64,",
    );
    let data = "QUJD".repeat(16);
    assert_text(Markdown, &format!("`a;base64,{data}`, b;base64,{data}"), "a;base64,, b;base64,");
    assert_text(Markdown, &format!("a;base64,{}", &data[1..]), &format!("a;base64,{}", &data[1..]));
}
