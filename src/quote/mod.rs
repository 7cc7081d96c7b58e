//! For each sentence of a summary the passage of the document that supports it best.
//!
//! The document comes twice, in blocks of any size: [`Quotes`] counts in how many of its sentences each word of the summary is, and
//! [`Finder`] then looks for passages. A third time is for those that say the same in other words ([`Alike`]). A passage is a sentence, or two in a row within a paragraph, as a sentence of a summary
//! often joins two. No more than two sentences of the document are kept, and those of more than 2,000 bytes are cut.
//!
//! # Score
//!
//! The score of a passage is the share of the sentence's words that it has, from 0 to 1:
//!
//! - a word counts by its rarity in the document, so that `the` counts next to nothing (as in BM25, without a list of such words);
//! - a name or a number counts double;
//! - a tenth of the score comes from neighbouring words that are neighbours in the passage too;
//! - a passage longer than the sentence loses `0.15` for each e-fold (it is divided by `1 + 0.15 ln(ratio)`), so that two
//!   sentences are quoted only if the second adds something.
//!
//! By chance, the best of many passages shares some words with any sentence: the more the longer the document is, and the less the
//! longer the sentence is. So what a sentence needs is `0.05 + 0.4 √(ln n / w)`, from 0.2 to 0.8, for `n` sentences in the document and
//! `w` words that count in the sentence. A sentence is supported that has this score and no name or number which the document lacks, and
//! weakly supported from three quarters of it. Both numbers were chosen so that some 5 % of sentences would be supported by documents
//! that they are not about. One limit for all sentences would do worse: for the same 5 % it would have to be 0.45, which only half
//! of the sentences about papers reach; five of six reach their own (not counting missing names).
//!
//! # How well it works
//!
//! Sentences of abstracts (by the authors, not in the document) of papers on language processing, and of the author's synopses of the
//! chapters of *Gulliver's Travels*, against their document, and against others of the same kind in its stead. Alone, and with 28
//! others in a row. Supported, and in brackets weakly supported:
//!
//! | sentences | own | another | own and 28 others | 29 others |
//! |---|---|---|---|---|
//! | 180 of 30 papers | 78 % (19) | 1 % (6) | 74 % (19) | 3 % (24) |
//! | 267 of 40 papers not used to find what is needed | 79 % (12) | 1 % (8) | 80 % (10) | 7 % (26) |
//! | 158 of 39 chapters | 25 % (30) | 6 % (11) | 8 % (44) | 6 % (32) |
//!
//! Of the sentences about papers that were supported in 29 papers in a row, 97 % were by a passage of their own (337 of 346).
//! By six parts of other novels (360,000 characters) 1 % of the sentences about chapters were supported, and 9 % weakly.
//!
//! The values within the score matter little. The share of pairs (a sentence with its document, one with another) in the right order
//! was 0.96 to 0.98 for papers and 0.76 to 0.78 for chapters, with names counting once to three times, 0 to 40 % from neighbours and
//! a loss for length of 0 to 0.3. Names count double because a wrong one does most harm, and neighbours break ties.
//!
//! So `unsupported` is a reason to look, not a proof: a synopsis that says with other words what happens in a whole chapter has no
//! passage that supports it. And `supported` means that a passage speaks of the same: words in common do not see a `not`.
//!
//! # By meaning
//!
//! Where there is a model that compares sentences (all-MiniLM-L6-v2), [`Alike`] goes through the document once more for the sentences
//! that words left without support and that have no name or number which the document lacks. Each sentence of the document is embedded,
//! and one with a cosine of 0.7 or more supports. What words support stays as it is. The share of sentences that is supported (not
//! counting missing names), by words alone and with each cosine beside it:
//!
//! | | own paper | another | own chapter | another |
//! |---|---|---|---|---|
//! | words | 82 % | 0.6 % | 25 % | 6.3 % |
//! | or 0.7 | 88 % | 0.6 % | 27 % | 6.3 % |
//! | or 0.65 | 92 % | 1.1 % | 28 % | 7.0 % |
//! | or 0.6 | 94 % | 2.8 % | 31 % | 9.5 % |
//! | or 0.5 | 99 % | 18 % | 56 % | 22 % |
//!
//! 0.7 is the lowest of these that let no sentence pass about another document. Embeddings alone tell own from other papers as well as
//! words do (0.987 of the pairs in the right order, words 0.979, both added 0.994) and chapters no better (0.725, 0.726, 0.758). That is
//! of 180 sentences about 30 papers and 158 about 39 chapters, each against a single document; how many pass by chance in a document of
//! 30 times the length was not measured.
//!
//! A pass over 568,000 characters took 0.02 to 0.1 s on one core of a busy machine, for 13 as for 135 sentences.
//! Embedding a text takes some 10 % of the time in which SmolLM2-135M reads it: 3,840 words 11.5 s of processor time, reading as many
//! 91 and 154 s in turn on the same, very busy machine. `calibration_tests.rs` measures how many are supported, and the time.

mod alike;
mod best;
#[cfg(test)]
mod calibration_tests;
mod claims;
mod finder;
mod score;
mod show;
#[cfg(test)]
mod tests;
mod verdict;

pub use alike::Alike;
pub use best::{Candidate, Passage};
pub use finder::{Finder, Quotes};
pub use show::show;
pub use verdict::{FoundBy, Quote, Verdict};
