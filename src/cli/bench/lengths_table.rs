//! The table of `edgeinf bench lengths`.

use std::fmt::Write;

use crate::bench::rows::LengthRow;

use super::lengths::LengthsArgs;
use super::window_name;

/// The form for people.
pub fn lengths_table(rows: &[LengthRow], args: &LengthsArgs) -> String {
    let runs = if args.runs == 1 { "one run".into() } else { format!("medians of {} runs", args.runs) };
    let mut text = format!(
        "{}, {}, segment {}; {runs}\n",
        args.engine.model.display(),
        window_name(&args.engine),
        args.engine.segment
    );
    let _ = writeln!(
        text,
        "{:<13} {:>8} {:>11} {:>17} {:>10} {:>9} {:>9} = {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "policy",
        "tokens",
        "TTFT s",
        "min..max",
        "prefill/s",
        "answer/s",
        "peak MiB",
        "weights",
        "KV",
        "memory",
        "keys",
        "compute",
        "rest"
    );
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    for row in rows {
        let spread = match (row.ttft_min, row.ttft_max) {
            (Some(min), Some(max)) => format!("{min:.1}..{max:.1}"),
            _ => "extrapolated".into(),
        };
        let memory = &row.memory;
        let _ = writeln!(
            text,
            "{:<13} {:>8} {:>11.2} {:>17} {:>10.1} {:>9.1} {:>9.1} = {:>8.1} {:>8.1} {:>8.1} {:>8.1} {:>8.1} {:>8.1}",
            row.policy,
            row.length,
            row.ttft_seconds,
            spread,
            row.prefill_tokens_per_second,
            row.generation_tokens_per_second,
            mib(row.peak_rss_bytes),
            mib(memory.weights_bytes),
            mib(memory.kv_cache_bytes),
            mib(memory.compressed_bytes),
            mib(memory.originals_bytes),
            mib(memory.compute_bytes),
            mib(memory.rest_bytes),
        );
    }
    text
}
