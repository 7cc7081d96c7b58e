//! Which sentences of a document tell most of it.
//!
//! Two kinds do: those that are [central](super::centrality), and those with [news](super::novelty) that stick out, as a fact does that has
//! nothing to do with the rest. So both are compared with the sentences around, in standard deviations from their mean, and the higher
//! one counts, the news with a handicap: each stretch has some that is newest, though it need not be worth telling. A sentence that
//! [leans on another one](super::dangling) tells less where that is missing.
//!
//! `docs/summaries.md` has what that was measured to be worth.

use std::ops::Range;

use super::centrality::centrality;
use super::counts::Counts;
use super::dangling::is_dangling;
use super::novelty::novelty;
use super::quotable::quotable;

/// Standard deviations that news has to stick out before it counts as much as what is central. With more of them fewer facts are told, of a
/// document's beginning above all, where everything is new; with fewer less is told of what papers are about.
pub(crate) const HANDICAP: f32 = 1.75;

/// Standard deviations that a sentence loses which [leans on another one](super::dangling).
pub(crate) const DANGLING: f32 = 2.0;

/// A sentence of a text, and why it is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Salient {
    /// The more, the better: in standard deviations, so that stretches of a document can be compared.
    pub score: f32,
    /// How much of that is news.
    pub news: f32,
    /// Bytes of the text.
    pub range: Range<usize>,
    /// What stands behind it where it does not end as a sentence does.
    pub closing: &'static str,
}

/// The most salient sentences of a text that can stand alone, at most `n`, the best first, [shortened](shorten). `counts` is of what was
/// read before; the text is added to it.
pub fn most_salient(counts: &mut Counts, text: &str, n: usize) -> Vec<Salient> {
    salient(counts, text, n, &|news, central, dangles| {
        (news - HANDICAP).max(central) - if dangles { DANGLING } else { 0.0 }
    })
}

/// The same, where `weigh` makes one score of how new and how central a sentence is, and whether it leans on another one.
pub(crate) fn salient(
    counts: &mut Counts,
    text: &str,
    n: usize,
    weigh: &dyn Fn(f32, f32, bool) -> f32,
) -> Vec<Salient> {
    counts.add(text);
    let quotable = quotable(text);
    let measured = |measure: fn(&Counts, &str) -> f32| -> Vec<f32> {
        quotable.iter().map(|found| measure(counts, &text[found.range.clone()])).collect()
    };
    let (news, central) = (standardized(&measured(novelty)), standardized(&measured(centrality)));
    let all = quotable.iter().zip(news.iter().zip(&central));
    let mut salient: Vec<Salient> = all
        .map(|(found, (&news, &central))| {
            let score = weigh(news, central, is_dangling(&text[found.range.clone()]));
            Salient { score, news, range: found.range.clone(), closing: found.closing }
        })
        .collect();
    // of equals the earlier one
    salient.sort_by(|a, b| b.score.total_cmp(&a.score));
    shorten(&mut salient, n, |sentence| sentence.news);
    salient
}

/// Leaves `n` of sentences whose best come first. Of several one is that with most news, which may be asked for though it tells little.
pub fn shorten<T>(sentences: &mut Vec<T>, n: usize, news: impl Fn(&T) -> f32) {
    // of equals the earlier one
    let newest = (0..sentences.len()).rev().max_by(|&a, &b| news(&sentences[a]).total_cmp(&news(&sentences[b])));
    if let Some(newest) = newest.filter(|&newest| n > 1 && newest >= n) {
        sentences.swap(newest, n - 1);
    }
    sentences.truncate(n);
}

/// Values as standard deviations from their mean; zeros where they are all the same.
fn standardized(values: &[f32]) -> Vec<f32> {
    let n = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / n;
    let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / n).sqrt();
    values.iter().map(|value| if deviation > 0.0 { (value - mean) / deviation } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::planted;

    #[test]
    fn values_are_compared_with_their_mean() {
        assert_eq!(standardized(&[1.0, 3.0]), [-1.0, 1.0]);
        assert_eq!(standardized(&[2.0, 2.0, 2.0]), [0.0; 3]);
        assert!(standardized(&[]).is_empty());
    }

    #[test]
    fn the_newest_one_stays() {
        let left = |mut news: Vec<f32>, n: usize| {
            shorten(&mut news, n, |&news| news);
            news
        };
        assert_eq!(left(vec![2.0, 1.0, 0.0, 3.0, 3.5], 3), [2.0, 1.0, 3.5]);
        assert_eq!(left(vec![2.0, 1.0, 0.0, 2.0], 2), [2.0, 1.0]);
        assert_eq!(left(vec![1.0, 2.0], 1), [1.0]);
        assert_eq!(left(vec![1.0], 3), [1.0]);
    }

    #[test]
    fn a_strange_fact_and_what_all_is_about_are_told() {
        let strange = "Emperor Augustus bought 312 walnuts for his horse.";
        let central = "The company of the town sold the land of the town.";
        let what =
            ["part", "third", "strip", "corner", "share", "piece", "half", "edge", "slope", "bank", "meadow", "field"];
        let others = what.map(|what| format!("The company of the town sold a {what} of the land."));
        let text = format!("{} {strange} {} {central}", others[..6].join(" "), others[6..].join(" "));
        let mut counts = Counts::default();
        let told: Vec<&str> = most_salient(&mut counts, &text, 2).into_iter().map(|s| &text[s.range]).collect();
        assert!(told.contains(&strange) && told.contains(&central), "{told:?}");
        // what was read three times is no news
        (0..2).for_each(|_| counts.add(&text));
        let again: Vec<&str> = most_salient(&mut counts, &text, 1).into_iter().map(|s| &text[s.range]).collect();
        assert_eq!(again, [central]);
        assert!(most_salient(&mut counts, "", 2).is_empty() && most_salient(&mut counts, "- Item\n", 2).is_empty());
    }

    #[test]
    fn planted_facts_are_among_the_most_salient_sentences() {
        planted::assert_found(&mut |counts, text| {
            most_salient(counts, text, 3).into_iter().map(|sentence| text[sentence.range].to_owned()).collect()
        });
    }
}
