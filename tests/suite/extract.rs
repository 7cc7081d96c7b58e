//! A summary of the document's own sentences, which the model does not read.

use std::fs;
use std::path::Path;

use crate::common::load;
use crate::common::models::shallow;
use crate::common::program::{assert_fails, scratch, stderr, stdout, summarize};
use crate::common::text::story;
use crate::notes::sample;
use crate::summarize::valid_json;

/// What an end of a stretch cuts in two is whole for who reads on.
#[test]
fn a_sentence_that_is_cut_in_two_is_told() {
    let dir = scratch("extract-cut");
    let model = shallow();
    let vocab = load(Path::new(&model));
    let n_tokens = |text: &str| vocab.vocab().tokenize(text, false).unwrap().len();
    let fact = "The lighthouse at Brell was kept for thirty years by Hyacinth Newman.";
    let mut text = story(2000, 3);
    text.truncate(text.rfind(". ").unwrap() + 1);
    // the first stretch ends after a few words of it
    let every = n_tokens(&text) + 6;
    let text = format!("{text} {fact} {}", story(4000, 4));
    assert!(n_tokens(&text[..text.find(fact).unwrap() + fact.len()]) > every + 3);
    let file = dir.join("a.txt");
    fs::write(&file, text).unwrap();
    let every = every.to_string();
    // stretches are whole segments
    let sizes = ["--segment", &every, "--note-every", &every];
    let output = summarize(&file, &[&["-m", &model, "--strategy", "extract"], &sizes[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains(fact), "{}", stdout(&output));
}

#[test]
fn sentences_of_the_document_can_stand_for_it() {
    let (dir, facts) = sample("extract", 30_000, 47);
    let file = dir.join("a.txt");
    let text = fs::read_to_string(&file).unwrap();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let run = |more: &[&str]| {
        let output = summarize(&file, &[&["--strategy", "extract", "--json", "--length", "long"], more].concat());
        let json = valid_json(&output).pop().unwrap_or_else(|| panic!("{}", stderr(&output)));
        (output.status.code(), json)
    };
    let (code, json) = run(&["--style", "bullets"]);
    assert_eq!((code, &json["strategy"], &json["complete"]), (Some(0), &"extract".into(), &true.into()));
    assert_eq!(json["input"]["tokens"], json["input"]["tokens_read"]);
    let summary = json["summary"].as_str().unwrap();
    let said: Vec<&str> = summary.lines().map(|line| line.strip_prefix("- ").unwrap()).collect();
    assert!(said.iter().all(|said| text.contains(said)), "{summary}");
    // from the beginning to the end
    let at: Vec<usize> = said.iter().filter_map(|said| text.find(said)).collect();
    assert!(at.is_sorted() && at[0] < text.len() / 8 && at[at.len() - 1] > text.len() * 7 / 8, "{at:?}");
    let told = facts.iter().filter(|fact| summary.contains(fact.as_str())).count();
    assert!(told * 2 >= facts.len(), "{told} of {}", facts.len());
    // nothing is decoded
    assert_eq!((&json["output"]["tokens"], &json["segments"]), (&0.into(), &0.into()));
    let (_, predicted) = run(&["--dry-run"]);
    assert_eq!((&predicted["notes"], &predicted["segments"]), (&0.into(), &0.into()));

    // of facts that no end of a stretch cuts in two
    for (question, fact) in [
        ("Where did the astronomer Ambrosine Sutland set up the large telescope?", &facts[3]),
        ("On which day is the sea captain Seraphina Yalwall said to have drowned?", &facts[4]),
    ] {
        let (code, answer) = run(&["--prompt", question]);
        assert_eq!(code, Some(0), "{answer}");
        assert!(answer["summary"].as_str().unwrap().contains(fact.as_str()), "{answer}");
    }
    let output = summarize(&file, &["--strategy", "extract", "--language", "German"]);
    assert_fails(&output, 2, &["--language", "extract"]);

    let output = summarize(&file, &["--strategy", "extract", "--length", "short"]);
    let told = stderr(&output);
    assert!(
        told.contains("the model read nothing") && !told.contains("prefill") && !told.contains("generation"),
        "{told}"
    );

    let list = dir.join("list.txt");
    fs::write(&list, "- one\n- two\n").unwrap();
    let output = summarize(&list, &["--strategy", "extract", "-q"]);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(6), ""), "{}", stderr(&output));
    assert!(stderr(&output).contains("error: there is no summary: no sentence of the document"), "{}", stderr(&output));
}

/// What a text of a kind has to say, whatever the model makes of its letters.
#[test]
fn lists_captions_and_other_scripts_are_told_too() {
    let dir = scratch("extract-kinds");
    let model = shallow();
    let file = dir.join("a.txt");
    for (text, told) in [
        (
            "- The committee approved the plan of the pier.\n- Mr. Holt asked for a report on it.\n",
            "The committee approved the plan of the pier. Mr. Holt asked",
        ),
        (
            "1) call Anne Gray about the old harbour\n2) buy bread and milk for the evening\n",
            "call Anne Gray about the old harbour.",
        ),
        (
            "so today we are going to talk about the harbour of Norham\nand about those who sold it\n",
            "talk about the harbour of Norham …",
        ),
        (
            "Совет города продал старую гавань Анне Грей за триста фунтов. Она обещала починить причал за пять лет.",
            "Совет города продал старую гавань Анне Грей за триста фунтов.",
        ),
        ("议会把旧港口卖给了安妮，她答应在五年内修好码头。", "议会把旧港口卖给了安妮，她答应在五年内修好码头。"),
    ] {
        fs::write(&file, text).unwrap();
        let output = summarize(&file, &["-m", &model, "--strategy", "extract"]);
        assert_eq!(output.status.code(), Some(0), "{text}: {}", stderr(&output));
        assert!(stdout(&output).contains(told), "{}", stdout(&output));
    }
    let terms = "Nobody may sell copies of this book without our permission in writing. ".repeat(9);
    let book = story(3000, 5);
    let book = format!(
        "This ebook is for the use of anyone anywhere at no cost.\n*** START OF THE PROJECT GUTENBERG EBOOK 829 ***\n\n{book}\n\n\
         *** END OF THE PROJECT GUTENBERG EBOOK 829 ***\n{terms}\n"
    );
    fs::write(&file, book).unwrap();
    let output = summarize(&file, &["-m", &model, "--strategy", "extract", "--length", "900"]);
    let told = stdout(&output);
    assert!(told.len() > 500 && !told.contains("permission") && !told.contains("ebook"), "{told}");
}

#[test]
fn a_sentence_of_a_transcript_has_its_speaker() {
    crate::common::models::smollm2();
    let dir = scratch("extract-speakers");
    let file = dir.join("call.vtt");
    let said = [
        ("Anna", "Hello. We meet on Friday at nine in the old hall of Norham."),
        ("Bob Gray", "Fine. I will bring the keys of the hall and the map of the river."),
        ("Anna", "Good."),
        ("Bob Gray", "Bye."),
    ];
    let cue = |(i, (name, text)): (usize, &(&str, &str))| format!("00:0{i}.000 --> 00:0{i}.900\n<v {name}>{text}\n\n");
    fs::write(&file, format!("WEBVTT\n\n{}", said.iter().enumerate().map(cue).collect::<String>())).unwrap();
    let output = summarize(&file, &["--strategy", "extract", "--style", "bullets"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(
        stdout(&output),
        "- Anna: We meet on Friday at nine in the old hall of Norham.\n\
         - Bob Gray: I will bring the keys of the hall and the map of the river.\n"
    );
    // the name does not stand there, and is nothing to be looked for
    let output = summarize(&file, &["--strategy", "extract", "--quote"]);
    let expected = "Anna: We meet on Friday at nine in the old hall of Norham.\n  line 1, word for word behind the name\n\
        Bob Gray: I will bring the keys of the hall and the map of the river.\n  line 3, word for word behind the name\n";
    assert_eq!(stdout(&output), expected, "{}", stderr(&output));
}
