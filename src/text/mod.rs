//! What can be seen in a text without a model: words, numbers, names, sentences, and which of them tell most of it.

pub mod centrality;
pub mod counts;
pub mod dangling;
pub mod licence;
pub mod marks;
pub mod names;
pub mod novelty;
pub mod numbers;
#[cfg(test)]
mod planted;
pub mod quotable;
pub mod references;
pub mod relevance;
pub mod salience;
pub mod sentences;
pub mod speaker;
pub mod split;
#[cfg(test)]
mod split_tests;
pub mod stems;
pub mod support;
#[cfg(test)]
mod support_tests;
pub mod words;

/// A text with a single space for white space of any length, and none around it.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
