//! Results of what a model wrote, by policy.

use std::fmt::Write;

use super::bootstrap::mean;
use super::longbench::LongBenchRecord;
use super::needle::NeedleRecord;
use super::record::Condition;
use super::summary::SummaryRecord;
use super::table::{name, shown};

/// A table of questions by policy, budget and length: shares of right answers with intervals of 95 % over the questions, those
/// about what streaming has forgotten apart, also of begun sentences that are completed rightly, and by the tenth of the document that the answer stands in, in per cent.
pub fn needle_table(records: &[NeedleRecord]) -> String {
    let mut text = format!(
        "{:<15} {:>10} {:>8} {:>6} {:>24} {:>24} {:>24} {:>12} {:>24}  {}\n",
        "policy",
        "budget MiB",
        "length",
        "asked",
        "correct",
        "of the forgotten",
        "of them completed",
        "closed book",
        "nll - closed book's",
        "by tenths, %"
    );
    let key = |r: &NeedleRecord| (r.length, r.policy, r.budget_bytes >> 10);
    let mut rows: Vec<_> = records.iter().map(key).collect();
    rows.sort_unstable();
    rows.dedup();
    for row in rows {
        let of: Vec<&NeedleRecord> = records.iter().filter(|r| key(r) == row).collect();
        let share = |keep: &dyn Fn(&NeedleRecord) -> bool| -> Vec<f64> {
            let kept = of.iter().filter(|r| keep(r));
            kept.filter_map(|r| r.correct).map(|right| f64::from(u8::from(right))).collect()
        };
        let all = share(&|_| true);
        let forgotten_gain: Vec<f64> =
            of.iter().filter(|r| r.forgotten).filter_map(|r| Some(r.nll? - r.nll_closed_book?)).collect();
        let completed: Vec<f64> =
            of.iter().filter(|r| r.forgotten).filter_map(|r| r.completed).map(|yes| f64::from(u8::from(yes))).collect();
        let closed = of.iter().filter(|r| r.closed_book).count() as f64 / of.len() as f64;
        let tenths: Vec<String> = (0..10)
            .map(|i| mean(&share(&|r| r.decile == i)).map_or("-".into(), |e| format!("{:.0}", 100.0 * e.value)))
            .collect();
        let _ = writeln!(
            text,
            "{:<15} {:>10.1} {:>8} {:>6} {:>24} {:>24} {:>24} {closed:>12.3} {:>24}  {}",
            name(row.1),
            row.2 as f64 / 1024.0,
            row.0,
            all.len(),
            shown(mean(&all)),
            shown(mean(&share(&|r| r.forgotten))),
            shown(mean(&completed)),
            shown(mean(&forgotten_gain)),
            tenths.join(" "),
        );
        if all.len() < of.len() {
            let reason = of.iter().find_map(|r| r.skipped.as_deref()).unwrap_or("no result");
            let _ = writeln!(text, "  {} of {} questions left out: {reason}", of.len() - all.len(), of.len());
        }
    }
    text.push_str(
        "intervals of 95 % in brackets, over the questions; nll of the forgotten, in nats per token of the answers\n",
    );
    text
}

/// A table of summaries by policy and budget: means over the cases with intervals of 95 %, and how ROUGE-L differs from streaming's at
/// the same budget, over the cases that both have.
pub fn summary_table(records: &[SummaryRecord]) -> String {
    let mut text = format!(
        "{:<15} {:>10} {:>6} {:>24} {:>24} {:>24} {:>26} {:>10} {:>8} {:>11} {:>10} {:>8}\n",
        "policy",
        "budget MiB",
        "cases",
        "ROUGE-1",
        "ROUGE-2",
        "ROUGE-L",
        "L over streaming's",
        "similarity",
        "coverage",
        "unsupported",
        "repetition",
        "tokens"
    );
    let key = |r: &SummaryRecord| (r.policy, if r.policy == Condition::Full { 0 } else { r.budget_bytes });
    let mut rows: Vec<_> = records.iter().map(key).collect();
    rows.sort_unstable();
    rows.dedup();
    for row in rows {
        let of: Vec<&SummaryRecord> = records.iter().filter(|r| key(r) == row).collect();
        let scored: Vec<_> = of.iter().filter_map(|r| r.scores.as_ref()).collect();
        let values = |value: fn(&super::scores::Scores) -> f64| scored.iter().map(|s| value(s)).collect::<Vec<f64>>();
        let plain = |values: Vec<f64>| mean(&values).map_or("-".into(), |e| format!("{:.3}", e.value));
        let differences: Vec<f64> = of
            .iter()
            .filter_map(|r| {
                let near = |other: &&SummaryRecord| {
                    other.policy == Condition::Streaming
                        && (&other.case, &other.text_sha256, &other.asked) == (&r.case, &r.text_sha256, &r.asked)
                        && (r.policy == Condition::Full
                            || other.budget_bytes.abs_diff(r.budget_bytes) < r.budget_bytes / 50)
                };
                let other = records.iter().find(near)?.scores.as_ref()?;
                Some(r.scores.as_ref()?.rouge_l - other.rouge_l)
            })
            .collect();
        let budget = of.iter().map(|r| r.budget_bytes).max().unwrap_or(0);
        let tokens = of.iter().filter(|r| r.scores.is_some()).map(|r| f64::from(r.summary_tokens)).collect();
        let _ = writeln!(
            text,
            "{:<15} {:>10.1} {:>6} {:>24} {:>24} {:>24} {:>26} {:>10} {:>8} {:>11} {:>10} {:>8}",
            name(row.0),
            budget as f64 / f64::from(1 << 20),
            scored.len(),
            shown(mean(&values(|s| s.rouge1))),
            shown(mean(&values(|s| s.rouge2))),
            shown(mean(&values(|s| s.rouge_l))),
            if row.0 == Condition::Streaming { "-".into() } else { shown(mean(&differences)) },
            plain(scored.iter().filter_map(|s| s.similarity).collect()),
            plain(scored.iter().filter_map(|s| s.coverage).collect()),
            plain(scored.iter().filter_map(|s| s.unsupported_share).collect()),
            plain(values(|s| s.repetition)),
            rounded(tokens),
        );
        if scored.len() < of.len() {
            let reason = of.iter().find_map(|r| r.skipped.as_deref()).unwrap_or("no result");
            let _ = writeln!(text, "  {} of {} cases left out: {reason}", of.len() - scored.len(), of.len());
        }
    }
    text.push_str("intervals of 95 % in brackets, over the cases\n");
    text
}

fn rounded(values: Vec<f64>) -> String {
    mean(&values).map_or("-".into(), |e| format!("{:.0}", e.value))
}

/// A table of LongBench: means of the cases' scores in per cent by dataset, policy and budget, with intervals of 95 %.
pub fn longbench_table(records: &[LongBenchRecord]) -> String {
    let mut text =
        format!("{:<22} {:<15} {:>10} {:>6} {:>24}\n", "dataset", "policy", "budget MiB", "cases", "score, %");
    let key = |r: &LongBenchRecord| {
        (r.dataset.clone(), r.policy, if r.policy == Condition::Full { 0 } else { r.budget_bytes })
    };
    let mut rows: Vec<_> = records.iter().map(key).collect();
    rows.sort_unstable();
    rows.dedup();
    for row in rows {
        let of: Vec<&LongBenchRecord> = records.iter().filter(|r| key(r) == row).collect();
        let scores: Vec<f64> = of.iter().filter_map(|r| r.score).map(|score| 100.0 * score).collect();
        let budget = of.iter().map(|r| r.budget_bytes).max().unwrap_or(0) as f64 / f64::from(1 << 20);
        let score = mean(&scores).map_or("-".into(), |e| format!("{:.1} [{:.1}, {:.1}]", e.value, e.low, e.high));
        let _ = writeln!(text, "{:<22} {:<15} {budget:>10.1} {:>6} {score:>24}", row.0, name(row.1), scores.len());
        if scores.len() < of.len() {
            let reason = of.iter().find_map(|r| r.skipped.as_deref()).unwrap_or("no result");
            let _ = writeln!(text, "  {} of {} cases left out: {reason}", of.len() - scores.len(), of.len());
        }
    }
    text.push_str("intervals of 95 % in brackets, over the cases\n");
    text
}
