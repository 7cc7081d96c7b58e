//! Tests of [`Splitter`].

use proptest::prelude::*;

use super::split::{Lines, Place, Splitter};

/// Text and place of each sentence, and whether it begins a paragraph.
fn split(blocks: &[&str], lines: Lines) -> Vec<(String, Place, bool)> {
    let mut splitter = Splitter::new(lines);
    let mut found = Vec::new();
    let mut each = |s: super::split::Sentence<'_>| found.push((s.text.to_owned(), s.place, s.begins_paragraph));
    blocks.iter().for_each(|block| splitter.push(block, &mut each));
    splitter.finish(&mut each);
    found
}

fn texts(text: &str, lines: Lines) -> Vec<String> {
    split(&[text], lines).into_iter().map(|(text, _, _)| text).collect()
}

#[test]
fn sentences_of_wrapped_lines() {
    for (text, expected) in [
        (
            "Mr. Gulliver paid 3.50 to J. Swift, e.g. in No. 4 of the U.S. Navy. Then he\nleft. X",
            "Mr. Gulliver paid 3.50 to J. Swift, e.g. in No. 4 of the U.S. Navy.|Then he left.|X",
        ),
        (
            "“Go!” said he. (He went.) “Why?” Nobody knew.[1] End",
            "“Go!” said he.|(He went.)|“Why?”|Nobody knew.[1]|End",
        ),
        ("« Oui. » Il part. So ... what. Am 4. Mai kam er.", "« Oui. »|Il part.|So ... what.|Am 4. Mai kam er."),
        ("是的。「好。」他说！好", "是的。|「好。」|他说！|好"),
        (
            "A title\n\nText of\nlines:\n- one item\n- two items\n1. three",
            "A title|Text of lines:|- one item|- two items|1. three",
        ),
        ("# Head\nText\n---\nMore\n| a | b |\n| c | d |", "# Head|Text|---|More|| a | b ||| c | d |"),
        (
            "PART ONE\nThe ship came. Then it sailed to\nBristol and, in\nMay, back",
            "PART ONE|The ship came.|Then it sailed to Bristol and, in May, back",
        ),
        // lines that lead on, abbreviations, tables of contents, other ends of lines
        ("Am Abend sah der Kapitän den\nHafen von Kiel", "Am Abend sah der Kapitän den Hafen von Kiel"),
        (
            "It was sold by Sen. Gray to Acme Shipping Co. Ltd. of St. Ives, z. B. the pier. He said no. The end, p. 5",
            "It was sold by Sen. Gray to Acme Shipping Co. Ltd. of St. Ives, z. B. the pier.|He said no.|The end, p. 5",
        ),
        (
            "The harbour of Norham . . . . . . . 3\nThe council and its men ..... 17\nThe end",
            "The harbour of Norham . . . . . . . 3|The council and its men ..... 17|The end",
        ),
        ("He left . . . nothing. She . . . Then", "He left . . . nothing.|She . . .|Then"),
        ("A title\rText.\r\rMore\rtext", "A title|Text.|More text"),
        ("  # Head\nText", "# Head|Text"),
        ("1\u{a0}000 men. He", "1\u{a0}000 men.|He"),
        (" \n\r\n ", ""),
    ] {
        assert_eq!(texts(text, Lines::Wrapped).join("|"), expected, "{text}");
    }
}

#[test]
fn separate_lines_are_sentences() {
    let text = "**Summary**\nThe author, in\nall his years,\nBristol saw\n* an item\nNext: of";
    assert_eq!(
        texts(text, Lines::Separate),
        ["**Summary**", "The author, in all his years, Bristol saw", "* an item", "Next: of"]
    );
}

#[test]
fn short_lines_of_a_narrow_column_are_no_headings() {
    for n in [3, 14, 30] {
        let crew: String = (0..n).map(|i| format!("Anne Gray of the boat {i}\n")).collect();
        let text =
            crew + "The sale of the harbour\nThe council of the town sold the harbour to a man who had three ships.";
        let found = texts(&text, Lines::Wrapped);
        assert_eq!(found.len(), n + 2, "{found:?}");
    }
    let column =
        "The council of the town sold the old\nharbour of it to a man from\nBristol, who had three ships there.\n";
    let text = column.repeat(6);
    assert_eq!(texts(&text, Lines::Wrapped).last().map(String::as_str), Some(column.replace('\n', " ").trim_end()));
}

#[test]
fn places_are_lines_and_characters() {
    let text = "Ä ö.\r\n\r\n  Zwei\r\nzeilen. 次。End";
    let found = split(&[text], Lines::Wrapped);
    let expected = [
        ("Ä ö.", [1, 1], [0, 4], true),
        ("Zwei zeilen.", [3, 4], [10, 23], true),
        ("次。", [4, 4], [24, 26], false),
        ("End", [4, 4], [26, 29], false),
    ];
    let expected =
        expected.map(|(text, lines, characters, begins)| (text.to_owned(), Place { lines, characters }, begins));
    assert_eq!(found, expected);
}

#[test]
fn what_never_ends_is_cut() {
    for (text, longest) in
        [("word ".repeat(2000), 2010), ("x".repeat(10_000), 2600), ("a line of words\n".repeat(400), 620)]
    {
        let found = texts(&text, Lines::Wrapped);
        assert!(found.len() > 3 && found.iter().all(|text| text.len() <= longest), "{}", found[0].len());
        let all = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(all(&found.concat()), all(&text));
    }
}

proptest! {
    #[test]
    fn blocks_make_no_difference(blocks in proptest::collection::vec("(\\PC|[aB1.!。 \n\r\"»#-]){0,8}", 0..14)) {
        let blocks: Vec<&str> = blocks.iter().map(String::as_str).collect();
        let whole = blocks.concat();
        let chars: Vec<char> = whole.chars().collect();
        for lines in [Lines::Wrapped, Lines::Separate] {
            let found = split(&blocks, lines);
            prop_assert_eq!(&found, &split(&[&whole], lines));
            let mut last = 0;
            for (text, place, _) in found {
                let [from, to] = place.characters.map(|at| usize::try_from(at).unwrap());
                prop_assert!(last <= from && from < to);
                last = to;
                let there: String = chars[from..to].iter().collect();
                prop_assert_eq!(text.replace(' ', ""), there.replace(super::marks::separates, ""));
                let ends = |i: usize| chars[i] == '\r' || chars[i] == '\n' && (i == 0 || chars[i - 1] != '\r');
                let line = |at: usize| 1 + (0..at).filter(|&i| ends(i)).count() as u64;
                prop_assert_eq!(place.lines, [line(from), line(to)]);
            }
        }
    }
}
