//! Tests of what a document supports.

use proptest::prelude::*;

use super::support::Support;

fn support(document: &str, summary: &str) -> (u32, String) {
    let mut support = Support::new(summary);
    support.read(document);
    let found = support.finish();
    (found.named, found.unsupported.join("|"))
}

#[test]
fn a_hand_counted_text() {
    let document = "THE PAPERS OF BRELL\n\nOn March 16th, 1842 the harbour of Brell’s neighbour, Swan-on-Sea, was opened by \
                    Ottoline Burncroft. It cost 8,473 pounds.";
    let summary = "The harbour of Swan-on-Sea was opened on Mar. 16, 1842, by Ottoline Bancroft of Brell. \
                   It cost 8473 pounds, or 9.5% of what Brell had in 1843.";
    // Swan, Sea, Mar, 16, 1842, Ottoline, Bancroft, Brell, 8473, 9.5, 1843
    assert_eq!(support(document, summary), (11, "Bancroft|9.5|1843".into()));
}

#[test]
fn each_way_of_writing() {
    for (document, summary, expected) in [
        ("BRELL'S men", "of Brell", (1, "")),
        ("brell", "of Brell", (1, "Brell")),
        ("Brell", "of BRELL", (1, "BRELL")),
        ("Brells", "of Brell", (1, "Brell")),
        ("in der GROẞE STRAẞE, STRASSE", "die Straße", (1, "")),
        ("STRAẞE", "die Straße", (1, "")),
        ("ÖSTERREICH", "in Österreich", (1, "")),
        ("O’NEIL", "by O'Neil’s", (1, "")),
        ("Jose\u{301}", "by José", (1, "")),
        ("JOSE\u{301}", "by José", (1, "")),
        ("8.473.001 or 1’000", "all 8,473,001 of 1,000", (2, "")),
        ("98473 84730", "all 8,473", (1, "8473")),
        ("184.2", "in 1842", (1, "1842")),
        ("FY2023 5kg 7½ 12.5.1842", "2023 5 7 1842", (4, "")),
        ("7", "only 7½", (1, "7½")),
        ("in 1847", "the 1840s", (1, "")),
        ("in 1850", "the 1840s", (1, "1840s")),
        ("JAN 3 and Wed", "in January on Wednesday of Jan", (2, "")),
        ("may march", "in May or March", (2, "May|March")),
        ("May", "Kent, Kent and Kent in May; May", (2, "Kent")),
        ("in the U. S. A., of NASA", "the U.S.A. and N.A.S.A.", (2, "")),
        ("the United States of America and John R. Smith", "The U.S. and U.S.A. had J.R. Smith", (4, "")),
        ("the USA. A man", "the U.S.A. and the U.K.S.A.", (2, "U.K.S.A.")),
        ("J. went, R. came", "of J.R. Brell", (2, "J.R.|Brell")),
        ("Vitamin A. I took", "the AI at 5 P.M.", (2, "AI|5")),
        ("", "", (0, "")),
    ] {
        assert_eq!(support(document, summary), (expected.0, expected.1.to_owned()), "{summary:?} of {document:?}");
    }
}

#[test]
fn words_of_the_document_are_counted() {
    let mut support = Support::new("");
    ["One tw", "o 3,0", "00", ""].iter().for_each(|piece| support.read(piece));
    assert_eq!(support.finish().document_words, 3);
}

/// Words, numbers and signs without white space that would end a word.
const WORD: &str = "([A-Z][a-z]{1,4}|[a-z]{1,3}|[0-9]{1,4}|[0-9]{1,2}[,.'\u{a0}][0-9]{3}|[0-9]{2}(th|s|kg)|[\\PC&&[^ ]]{1,4})[.,:!’\u{301}]?";

proptest! {
    #[test]
    fn pieces_of_any_size_give_the_same(
        document in proptest::collection::vec(WORD, 1..20),
        summary in proptest::collection::vec(WORD, 1..20),
        sizes in proptest::collection::vec(1_usize..9, 1..9),
    ) {
        let (document, summary) = ([&document[..], &summary[..3.min(summary.len())]].concat().join(" "), summary.join(" "));
        let mut whole = Support::new(&summary);
        whole.read(&document);
        let mut pieces = Support::new(&summary);
        let mut chars = document.chars();
        for size in sizes.into_iter().cycle() {
            let piece: String = chars.by_ref().take(size).collect();
            if piece.is_empty() {
                break;
            }
            pieces.read(&piece);
        }
        prop_assert_eq!(whole.finish(), pieces.finish());
    }

    #[test]
    fn a_part_of_the_document_is_supported(words in proptest::collection::vec(WORD, 1..30), from in 0_usize..30, n in 1_usize..30) {
        let from = from % words.len();
        let part = &words[from..words.len().min(from + n)];
        prop_assert_eq!(support(&words.join(" "), &part.join(" ")).1, "");
    }

    #[test]
    fn what_no_text_has_is_missed(words in proptest::collection::vec("[a-z]{1,5}", 1..20), n in 1000_u32..9999) {
        let document = words.join(" ");
        let name = format!("Q{}", words[0]);
        prop_assert_eq!(support(&document, &format!("{document} {n} by {name}")), (2, format!("{n}|{name}")));
    }
}
