//! Invented English text of any length.

use super::tiny::Rng;

const WHO: &[&str] = &[
    "The miller",
    "A young clerk",
    "Mrs. Harrow",
    "The ferryman",
    "Old Tobias",
    "The council",
    "Her brother",
    "A stranger",
];
const DID: &[&str] =
    &["repaired", "sold", "measured", "forgot", "praised", "counted", "painted", "lost", "described", "carried"];
const WHAT: &[&str] = &[
    "the bridge",
    "forty sacks of barley",
    "a brass lamp",
    "the eastern gate",
    "two letters",
    "the new mill",
    "a grey horse",
];
const WHEN: &[&str] =
    &["before the flood", "on a Tuesday in March", "after the harvest", "while it snowed", "in the year of the comet"];

/// About `n_bytes` of text in paragraphs, the same for the same seed.
pub fn story(n_bytes: usize, seed: u64) -> String {
    let mut rng = Rng(seed);
    let mut text = String::new();
    let mut n = 0;
    while text.len() < n_bytes {
        let mut pick = |from: &[&'static str]| from[(rng.next() % from.len() as u64) as usize];
        text += &format!("{} {} {} {}.", pick(WHO), pick(DID), pick(WHAT), pick(WHEN));
        n += 1;
        text += if n % 6 == 0 { "\n\n" } else { " " };
    }
    text
}
