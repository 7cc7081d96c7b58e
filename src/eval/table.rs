//! Results of many cases, by policy.

use std::fmt::Write;

use super::bootstrap::{Estimate, mean, ratio};
use super::fidelity::FidelityRecord;
use super::record::{Condition, Record};

/// A table with a row for each condition: means over its cases, with intervals of 95 %.
pub fn table(records: &[Record]) -> String {
    let mut text = format!(
        "{:<15} {:>10} {:>6} {:>24} {:>24} {:>24}\n",
        "policy", "budget MiB", "cases", "nll per token", "recovered", "specific"
    );
    let mut conditions: Vec<Condition> = records.iter().map(|r| r.policy).collect();
    conditions.sort_unstable();
    conditions.dedup();
    for condition in conditions {
        let of = || records.iter().filter(move |r| r.policy == condition);
        let scored: Vec<f64> = of().filter_map(|r| r.nll).collect();
        let budget = of().map(|r| r.budget_bytes).max().unwrap_or(0) as f64 / f64::from(1 << 20);
        let specific: Vec<f64> = of().filter_map(|r| r.specific).collect();
        let _ = writeln!(
            text,
            "{:<15} {budget:>10.1} {:>6} {:>24} {:>24} {:>24}",
            name(condition),
            scored.len(),
            shown(mean(&scored)),
            shown(recovered(records, condition)),
            shown(mean(&specific)),
        );
        let skipped = of().count() - scored.len();
        if skipped > 0 {
            let reason = of().find_map(|r| r.skipped.as_deref()).unwrap_or("no result");
            let _ = writeln!(text, "  {skipped} of {} cases left out: {reason}", skipped + scored.len());
        }
    }
    text.push_str("intervals of 95 % in brackets, over the cases\n");
    text
}

/// The ratio of sums over the cases that all three know: single ratios have no mean where full attention gains next to nothing.
fn recovered(records: &[Record], condition: Condition) -> Option<Estimate> {
    if matches!(condition, Condition::Full | Condition::Streaming) {
        return None;
    }
    let nll = |case: &str, policy| records.iter().find(|r| r.case == case && r.policy == policy).and_then(|r| r.nll);
    let rows = records.iter().filter(|r| r.policy == condition).filter_map(|r| {
        let (streaming, full) = (nll(&r.case, Condition::Streaming)?, nll(&r.case, Condition::Full)?);
        Some((streaming - r.nll?, streaming - full))
    });
    ratio(&rows.collect::<Vec<_>>())
}

/// A table of texts against full attention: for each policy and budget means over the texts, with intervals of 95 %, and the
/// KL of each as a share of streaming's at the same budget, over the texts that both know.
pub fn fidelity_table(records: &[FidelityRecord]) -> String {
    let mut text = format!(
        "{:<13} {:>10} {:>6} {:>6} {:>24} {:>24} {:>8} {:>8} {:>9}\n",
        "policy", "budget MiB", "window", "texts", "KL per token", "of streaming's", "ppl", "ppl full", "same top"
    );
    let key = |r: &FidelityRecord| (r.policy, r.setting.retain, r.setting.window, r.budget_bytes);
    let mut rows: Vec<_> = records.iter().map(key).collect();
    // by budget, and at one budget by policy: budgets differ by less than a token where a memory is rounded up
    rows.sort_unstable_by_key(|&(policy, retain, window, bytes)| (bytes >> 20, policy, retain, window));
    rows.dedup();
    for row in rows {
        let of: Vec<&FidelityRecord> = records.iter().filter(|r| key(r) == row).collect();
        let values = |value: fn(&FidelityRecord) -> f64| of.iter().map(|r| value(r)).collect::<Vec<f64>>();
        let geometric = |value: fn(&FidelityRecord) -> f64| {
            let logs = values(value);
            (logs.iter().map(|x| x.ln()).sum::<f64>() / logs.len() as f64).exp()
        };
        let pairs: Vec<(f64, f64)> = of
            .iter()
            .filter_map(|r| {
                let near = |other: &&FidelityRecord| {
                    other.policy == Condition::Streaming
                        && other.text_sha256 == r.text_sha256
                        && other.budget_bytes.abs_diff(r.budget_bytes) < r.budget_bytes / 50
                };
                records.iter().find(near).map(|other| (r.kl, other.kl))
            })
            .collect();
        let same = values(|r| r.same_top);
        let _ = writeln!(
            text,
            "{:<13} {:>10.2} {:>6} {:>6} {:>24} {:>24} {:>8.2} {:>8.2} {:>9.3}",
            name(row.0),
            row.3 as f64 / f64::from(1 << 20),
            row.2,
            of.len(),
            shown(mean(&values(|r| r.kl))),
            if row.0 == Condition::Streaming { "-".into() } else { shown(ratio(&pairs)) },
            geometric(|r| r.perplexity),
            geometric(|r| r.perplexity_full),
            same.iter().sum::<f64>() / same.len() as f64,
        );
    }
    text.push_str("intervals of 95 % in brackets, over the texts\n");
    text
}

fn shown(estimate: Option<Estimate>) -> String {
    estimate.map_or("-".into(), |e| format!("{:.3} [{:.3}, {:.3}]", e.value, e.low, e.high))
}

fn name(condition: Condition) -> &'static str {
    match condition {
        Condition::None => "no document",
        Condition::Full => "full",
        Condition::Streaming => "streaming",
        Condition::SnapKv => "snapkv",
        Condition::SnapKvQuestion => "snapkv-question",
        Condition::PyramidKv => "pyramidkv",
        Condition::EdgeInfinite => "edgeinfinite",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::record::tests::record;

    #[test]
    fn means_are_over_cases_and_what_is_missing_is_told() {
        let mut records = Vec::new();
        for (case, gain) in [("a", 0.5), ("b", 0.3)] {
            records.push(record(case, Condition::None, 4.5, None));
            records.push(record(case, Condition::Full, 3.0, Some(3.5)));
            records.push(record(case, Condition::Streaming, 4.0, Some(4.0)));
            records.push(record(case, Condition::EdgeInfinite, 4.0 - gain, Some(4.0)));
        }
        records[5].nll = None;
        records[5].specific = None;
        records[5].skipped = Some("too long".into());
        let text = table(&records);
        let row = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        assert!(row("edgeinfinite").contains("3.600 [3.500, 3.700]"), "{text}");
        // only the first case has all three
        assert!(row("edgeinfinite").contains("0.500 [0.500, 0.500]"), "{text}");
        assert!(row("edgeinfinite").contains("0.400 [0.300, 0.500]"), "{text}");
        assert!(row("streaming").contains("0.000 [0.000, 0.000]"), "{text}");
        assert!(row("no document").contains("4.500"), "{text}");
        assert!(text.contains("  1 of 2 cases left out: too long"), "{text}");
    }
}
