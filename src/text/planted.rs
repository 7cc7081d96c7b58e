//! Facts of invented documents that are found in them.

use crate::sample::Sample;

use super::counts::Counts;

/// Bytes of a stretch, about: those of 1,536 tokens.
const STRETCH: usize = 6000;

/// Asserts of the facts of two documents that eight of ten have the first sentence that is found in their stretch, and nine of ten one of the first
/// three. `find` gives sentences of a stretch, the best first; the counters are of what was read before.
pub fn assert_found(find: &mut dyn FnMut(&mut Counts, &str) -> Vec<String>) {
    let (mut n, mut first, mut three) = (0, 0, 0);
    for seed in [77, 78] {
        let mut document = Vec::new();
        let facts = Sample::new(128_000, seed).unwrap().write(&mut document).unwrap();
        let document = String::from_utf8(document).unwrap();
        let mut counts = Counts::default();
        let mut begin = 0;
        // a sample is ASCII
        for end in (STRETCH..document.len()).step_by(STRETCH).chain([document.len()]) {
            let text = &document[begin..end];
            let found = find(&mut counts, text);
            let says = |n: usize, answer: &str| found.iter().take(n).any(|sentence| sentence.contains(answer));
            // a fact that is cut in two is found in neither
            for fact in facts.iter().filter(|fact| text.contains(&fact.sentence)) {
                n += 1;
                first += usize::from(says(1, &fact.answer));
                three += usize::from(says(3, &fact.answer));
            }
            begin = end;
        }
    }
    assert!(first * 10 >= n * 8 && three * 10 >= n * 9, "{first} and {three} of {n}");
}
