//! What the runs say of each length, measured or extrapolated.

use serde::{Deserialize, Serialize};

use crate::memory::layout::ANSWER_RESERVE;

use super::estimate::{Curve, median};
use super::lengths::{LengthMark, LengthRun};

/// A policy at a length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LengthRow {
    /// The policy.
    pub policy: String,
    /// Tokens of the text.
    pub length: u64,
    /// From the start of the program to the first token of the answer; the median of the runs.
    pub ttft_seconds: f64,
    /// Prompt, text and instruction, without loading.
    pub prefill_tokens_per_second: f64,
    /// The answer.
    pub generation_tokens_per_second: f64,
    /// Largest resident set of a process; the largest of the runs.
    pub peak_rss_bytes: u64,
    /// What it consists of.
    pub memory: MemoryParts,
    /// How many runs were measured.
    pub runs: u32,
    /// The fastest of them; nothing where nothing was measured.
    pub ttft_min: Option<f64>,
    /// The slowest.
    pub ttft_max: Option<f64>,
    /// Whether this follows from shorter lengths.
    pub extrapolated: bool,
    /// The model, as it was named.
    pub model: String,
    /// Version of this program and what it was built for.
    pub build: String,
}

/// Memory by part, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryParts {
    /// Weights, mapped from the file.
    pub weights_bytes: u64,
    /// K and V.
    pub kv_cache_bytes: u64,
    /// M and z, twice, with the gate.
    pub compressed_bytes: u64,
    /// Un-rotated keys, in F32, of prompt, sinks and retained tokens, and what these are chosen with; a part of the rest in older results.
    #[serde(default)]
    pub originals_bytes: u64,
    /// Scratch buffers.
    pub compute_bytes: u64,
    /// What remains of the peak.
    pub rest_bytes: u64,
}

/// What rows are marked with.
#[derive(Debug, Clone)]
pub struct RowNames {
    /// The policy.
    pub policy: String,
    /// The model, as it was named.
    pub model: String,
    /// Version of this program and what it was built for.
    pub build: String,
}

/// Runs of the same lengths.
#[derive(Debug, Clone, Default)]
pub struct LengthCase {
    /// What each run is measured at, in ascending order.
    pub lengths: Vec<u64>,
    /// The runs.
    pub runs: Vec<LengthRun>,
}

impl LengthCase {
    /// A row for each length.
    pub fn rows(&self, names: &RowNames) -> Vec<LengthRow> {
        (0..self.lengths.len()).filter_map(|i| self.row(i, names)).collect()
    }

    fn row(&self, i: usize, names: &RowNames) -> Option<LengthRow> {
        let marks: Vec<(&LengthRun, &LengthMark)> =
            self.runs.iter().filter_map(|run| Some((run, run.marks.get(i)?))).collect();
        // the parts are those of the run with the largest peak, so that they add up
        let (largest, peak) = marks.iter().max_by_key(|(_, mark)| mark.peak_rss_bytes)?;
        let ttft = || marks.iter().map(|(run, mark)| run.ttft_seconds(mark));
        Some(LengthRow {
            policy: names.policy.clone(),
            length: self.lengths[i],
            ttft_seconds: median(ttft())?,
            prefill_tokens_per_second: median(
                marks.iter().map(|(run, mark)| run.tokens_read(mark) as f64 / run.reading_seconds(mark)),
            )?,
            generation_tokens_per_second: median(marks.iter().map(|(run, _)| 1.0 / run.seconds_per_answer_token))?,
            peak_rss_bytes: peak.peak_rss_bytes,
            memory: MemoryParts {
                weights_bytes: largest.weights_bytes,
                kv_cache_bytes: largest.kv_cache_bytes,
                compressed_bytes: largest.compressed_bytes,
                originals_bytes: largest.originals_bytes,
                compute_bytes: largest.compute_bytes,
                rest_bytes: rest(largest, peak),
            },
            runs: marks.len() as u32,
            ttft_min: ttft().min_by(f64::total_cmp),
            ttft_max: ttft().max_by(f64::total_cmp),
            extrapolated: false,
            model: names.model.clone(),
            build: names.build.clone(),
        })
    }
}

fn rest(run: &LengthRun, mark: &LengthMark) -> u64 {
    let known = run.weights_bytes + run.kv_cache_bytes + run.compressed_bytes + run.originals_bytes + run.compute_bytes;
    mark.peak_rss_bytes.saturating_sub(known)
}

/// Cells of a cache for so many tokens and an answer; llama.cpp makes them a multiple of 256.
fn n_cells(tokens: u64) -> f64 {
    (tokens + u64::from(ANSWER_RESERVE)).next_multiple_of(256) as f64
}

/// What full attention takes at other lengths than those measured: reading `a n + b n^2`, a token of the answer and each part of
/// the memory `a + b c` with c cells of the cache.
pub struct Extrapolation<'a> {
    /// The longest run.
    last: &'a LengthRun,
    load_seconds: f64,
    reading: Curve,
    answer: Curve,
    /// The last two lengths, on which memory depends as a line does.
    memory: Vec<(f64, MemoryParts)>,
}

impl<'a> Extrapolation<'a> {
    /// From runs of one length each, in ascending order; `None` if there are none.
    pub fn from(cases: &'a [LengthCase]) -> Option<Self> {
        let measured: Vec<(&LengthRun, &LengthMark)> =
            cases.iter().flat_map(|case| &case.runs).filter_map(|run| Some((run, run.marks.last()?))).collect();
        let (last, longest) = *measured.last()?;
        let points = |value: fn(&LengthRun, &LengthMark) -> f64| -> Vec<(f64, f64)> {
            measured.iter().map(|(run, mark)| (run.tokens_read(mark) as f64, value(run, mark))).collect()
        };
        // the last run of each of the two longest lengths
        let before = measured.iter().rev().find(|(_, mark)| mark.tokens < longest.tokens);
        let memory = before.copied().into_iter().chain([(last, longest)]).map(|(run, mark)| {
            let parts = MemoryParts {
                weights_bytes: run.weights_bytes,
                kv_cache_bytes: run.kv_cache_bytes,
                compressed_bytes: run.compressed_bytes,
                originals_bytes: run.originals_bytes,
                compute_bytes: run.compute_bytes,
                rest_bytes: rest(run, mark),
            };
            (n_cells(run.tokens_read(mark)), parts)
        });
        Some(Self {
            last,
            load_seconds: median(measured.iter().map(|(run, _)| run.load_seconds))?,
            reading: Curve::quadratic(&points(LengthRun::reading_seconds)),
            answer: Curve::line(&points(|run, _| run.seconds_per_answer_token)),
            memory: memory.collect(),
        })
    }

    fn tokens_read(&self, length: u64) -> f64 {
        (length + self.last.prompt_tokens) as f64
    }

    /// From the start of the program to the first token of the answer.
    pub fn ttft_seconds(&self, length: u64) -> f64 {
        self.load_seconds + self.reading.at(self.tokens_read(length))
    }

    /// The row of a length.
    pub fn row(&self, length: u64, names: &RowNames) -> LengthRow {
        let n = self.tokens_read(length);
        let cells = n_cells(n as u64);
        let part = |value: fn(&MemoryParts) -> u64| {
            let points: Vec<(f64, f64)> = self.memory.iter().map(|(c, parts)| (*c, value(parts) as f64)).collect();
            Curve::line(&points).at(cells).round() as u64
        };
        let memory = MemoryParts {
            weights_bytes: self.last.weights_bytes,
            kv_cache_bytes: part(|parts| parts.kv_cache_bytes),
            compressed_bytes: part(|parts| parts.compressed_bytes),
            originals_bytes: part(|parts| parts.originals_bytes),
            compute_bytes: part(|parts| parts.compute_bytes),
            rest_bytes: part(|parts| parts.rest_bytes),
        };
        LengthRow {
            policy: names.policy.clone(),
            length,
            ttft_seconds: self.ttft_seconds(length),
            prefill_tokens_per_second: n / self.reading.at(n),
            generation_tokens_per_second: 1.0 / self.answer.at(n),
            peak_rss_bytes: memory.weights_bytes
                + memory.kv_cache_bytes
                + memory.compressed_bytes
                + memory.originals_bytes
                + memory.compute_bytes
                + memory.rest_bytes,
            memory,
            runs: 0,
            ttft_min: None,
            ttft_max: None,
            extrapolated: true,
            model: names.model.clone(),
            build: names.build.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> RowNames {
        RowNames { policy: "full".into(), model: "m".into(), build: "0".into() }
    }

    /// A run that takes 1 s to load, 2 ms for each token and 1e-7 s for each pair of tokens.
    fn run(tokens: u64, slower: f64) -> LengthRun {
        let n = (tokens + 100) as f64;
        LengthRun {
            load_seconds: 1.0,
            prompt_tokens: 100,
            marks: vec![LengthMark {
                tokens,
                seconds: 0.9 + slower * (2e-3 * n + 1e-7 * n * n),
                peak_rss_bytes: 150_000_000 + n_cells(tokens + 100) as u64 * 20_000,
            }],
            closing_seconds: 0.1,
            seconds_per_answer_token: 5e-3 + 1e-7 * n,
            weights_bytes: 100_000_000,
            kv_cache_bytes: n_cells(tokens + 100) as u64 * 18_000,
            compressed_bytes: 0,
            originals_bytes: 1_000_000,
            compute_bytes: 10_000_000 + n_cells(tokens + 100) as u64 * 2_000,
        }
    }

    fn case(tokens: u64, slower: &[f64]) -> LengthCase {
        LengthCase { lengths: vec![tokens], runs: slower.iter().map(|&s| run(tokens, s)).collect() }
    }

    #[test]
    fn a_row_has_the_median_and_how_far_the_runs_lie_apart() {
        let rows = case(2000, &[1.0, 1.5, 1.1]).rows(&names());
        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        assert_eq!((row.length, row.runs, row.extrapolated), (2000, 3, false));
        assert!((row.ttft_seconds - (1.0 + 1.1 * 4.641)).abs() < 1e-9, "{}", row.ttft_seconds);
        assert!(row.ttft_min.unwrap() < row.ttft_seconds && row.ttft_seconds < row.ttft_max.unwrap());
        assert!((row.prefill_tokens_per_second - 2100.0 / (1.1 * 4.641)).abs() < 1e-6);
        let memory = row.memory;
        let known = memory.weights_bytes + memory.kv_cache_bytes + memory.originals_bytes;
        let sum = known + memory.compute_bytes + memory.rest_bytes;
        assert_eq!(sum, row.peak_rss_bytes);
    }

    #[test]
    fn what_was_not_measured_follows_from_what_was() {
        let cases = [case(1000, &[1.0]), case(2000, &[1.0, 1.0]), case(4000, &[1.0])];
        let extrapolation = Extrapolation::from(&cases).unwrap();
        let (row, truth) = (extrapolation.row(64_000, &names()), case(64_000, &[1.0]).rows(&names()).remove(0));
        let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-4, "{a} {b}");
        close(row.ttft_seconds, truth.ttft_seconds);
        close(row.prefill_tokens_per_second, truth.prefill_tokens_per_second);
        close(row.generation_tokens_per_second, truth.generation_tokens_per_second);
        close(row.peak_rss_bytes as f64, truth.peak_rss_bytes as f64);
        close(row.memory.kv_cache_bytes as f64, truth.memory.kv_cache_bytes as f64);
        close(row.memory.compute_bytes as f64, truth.memory.compute_bytes as f64);
        assert!(row.extrapolated && row.runs == 0 && row.ttft_min.is_none() && row.ttft_max.is_none());
        assert!(Extrapolation::from(&[]).is_none());
    }
}
