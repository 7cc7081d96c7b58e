//! How well a passage supports a sentence.

use super::claims::{Claim, Claims, Shared};

// See the module's documentation for how these were found.

/// How much more a name or a number counts than another word of the same rarity.
const NAME: f64 = 2.0;
/// Share of the score that comes from neighbouring words which are neighbours in the passage too.
const PAIR: f64 = 0.1;
/// How much a passage loses for each e-fold of the sentence's length.
const LENGTH: f64 = 0.15;
/// The score that is needed is this
const NEEDED: f64 = 0.05;
/// and this times the root of the logarithm of the number of passages by the number of words that count,
const NEEDED_BY_CHANCE: f64 = 0.4;
/// with so many passages at least,
const FEWEST_PASSAGES: u64 = 50;
/// and within these limits.
const NEEDED_LIMITS: [f64; 2] = [0.2, 0.8];

/// What each word and pair of the summary counts.
#[derive(Debug)]
pub(super) struct Weights {
    /// By term.
    terms: Vec<f64>,
    /// By pair of terms: what its terms count together.
    pairs: Vec<f64>,
    /// By sentence of the summary: the sums over its terms and over its pairs.
    sums: Vec<[f64; 2]>,
    /// By sentence of the summary: the score from which it is supported.
    pub needed: Vec<f64>,
}

impl Weights {
    /// From the number of passages that have each term, and of all passages.
    pub(super) fn new(claims: &Claims, with_term: &[u64], n_passages: u64) -> Self {
        let rarity = |with_term: u64| {
            let n = with_term as f64;
            // as in BM25; a word of every passage counts next to nothing
            (1.0 + ((n_passages as f64 - n).max(0.0) + 0.5) / (n + 0.5)).ln()
        };
        let names = claims.named.iter().map(|named| if *named { NAME } else { 1.0 });
        let terms: Vec<f64> = with_term.iter().zip(names).map(|(n, name)| name * rarity(*n)).collect();
        let pairs: Vec<f64> = claims.terms_of_pair.iter().map(|pair| terms[pair[0]] + terms[pair[1]]).collect();
        let sum = |numbers: &[usize], weights: &[f64]| numbers.iter().map(|n| weights[*n]).sum();
        let sums = claims.all.iter().map(|claim| [sum(&claim.terms, &terms), sum(&claim.pairs, &pairs)]).collect();
        let needed = claims.all.iter().map(|claim| needed(claim.terms.iter().map(|term| terms[*term]), n_passages));
        Self { needed: needed.collect(), terms, pairs, sums }
    }

    /// Gives each sentence of the summary that shares a word with a passage, and the score from 0 to 1. `sums` has a place for each
    /// sentence; it comes and stays empty.
    pub(super) fn score(
        &self,
        claims: &Claims,
        passage: &Shared,
        sums: &mut [[f64; 2]],
        each: &mut impl FnMut(usize, f64),
    ) {
        let mut touched = Vec::new();
        for &term in &passage.terms {
            for &claim in &claims.with_term[term] {
                if sums[claim] == [0.0; 2] {
                    touched.push(claim);
                }
                sums[claim][0] += self.terms[term];
            }
        }
        for &pair in &passage.pairs {
            claims.with_pair[pair].iter().for_each(|&claim| sums[claim][1] += self.pairs[pair]);
        }
        for claim in touched {
            let score = score(&claims.all[claim], self.sums[claim], sums[claim], passage.n_terms);
            sums[claim] = [0.0; 2];
            each(claim, score);
        }
    }
}

/// The score from what is shared, of all there is to share.
fn score(claim: &Claim, all: [f64; 2], shared: [f64; 2], n_terms: usize) -> f64 {
    let words = shared[0] / all[0];
    let share = if all[1] > 0.0 { (1.0 - PAIR) * words + PAIR * shared[1] / all[1] } else { words };
    let longer = (n_terms as f64 / claim.n_terms as f64).max(1.0);
    (share / (1.0 + LENGTH * longer.ln())).clamp(0.0, 1.0)
}

/// The score that a sentence needs whose words count so much.
///
/// The best of many passages shares some words by chance: the more the more passages there are, and the less the more words there
/// are to share. Those that count little are no words in this respect: ten equal weights are ten, one among nine of almost nothing
/// is one.
fn needed(weights: impl Iterator<Item = f64>, n_passages: u64) -> f64 {
    let (sum, squares) = weights.fold((0.0, 0.0), |(sum, squares), weight| (sum + weight, squares + weight * weight));
    let n_words = (sum * sum / squares).max(1.0);
    let chance = ((n_passages.max(FEWEST_PASSAGES) as f64).ln() / n_words).sqrt();
    (NEEDED + NEEDED_BY_CHANCE * chance).clamp(NEEDED_LIMITS[0], NEEDED_LIMITS[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The score of a passage for the only sentence of a summary, in a document where no word is rarer than another.
    fn scored(summary: &str, passage: &str) -> f64 {
        let claims = Claims::new(summary);
        let weights = Weights::new(&claims, &vec![10; claims.n_terms()], 100);
        let mut found = 0.0;
        let mut sums = vec![[0.0; 2]; claims.all.len()];
        weights.score(&claims, &claims.shared_with(passage), &mut sums, &mut |_, score| found = score);
        assert_eq!(sums, [[0.0; 2]]);
        found
    }

    #[test]
    fn scores_by_hand() {
        for (passage, expected) in [
            ("one two three four", 1.0),
            // 2 of 4 words, 1 of 3 pairs
            ("one two", 0.9 * 0.5 + 0.1 / 3.0),
            ("four three two one", 0.9),
            // twice as long
            ("one two three four and more of it", 1.0 / (1.0 + 0.15 * 2.0_f64.ln())),
            ("five", 0.0),
        ] {
            assert!((scored("one two three four", passage) - expected).abs() < 1e-12, "{passage}");
        }
        // the name counts as two of four
        assert!((scored("in old Brell", "in an old") - (0.9 * 0.5)).abs() < 1e-12);
        assert_eq!(scored("one", "one"), 1.0);
    }

    #[test]
    fn more_is_needed_of_few_words_and_in_long_documents() {
        let of = |n_words, n_passages| needed(vec![2.0; n_words].into_iter(), n_passages);
        assert!((of(16, 1000) - (0.05 + 0.1 * 1000_f64.ln().sqrt())).abs() < 1e-12);
        assert!(of(4, 1000) > of(16, 1000) && of(4, 100_000) > of(4, 1000));
        assert_eq!(of(4, 1), of(4, FEWEST_PASSAGES));
        assert_eq!([of(1, 1000), of(900, 1000)], [0.8, 0.2]);
        assert!((needed([2.0, 2.0, 1e-9].into_iter(), 1000) - of(2, 1000)).abs() < 1e-6);
    }
}
