//! What is expected of a run, and whether it came so.

use crate::size::readable;

use super::observed::{Observed, Seen};
use super::process::End;
use super::words::Words;

/// Expectations of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    /// The exit code is one of these.
    pub exit_codes: Vec<i32>,
    /// The model has read each token of the document.
    pub all_tokens_read: bool,
    /// The summary is complete.
    pub complete: bool,
    /// The policy that runs; any if there is none.
    pub policy: Option<String>,
    /// Of each list one must stand in the summary.
    pub must_contain: Vec<Vec<String>>,
    /// None may stand in the summary.
    pub must_not_contain: Vec<String>,
    /// Whether upper and lower case are the same for these words.
    pub ignore_case: bool,
    /// So many of the sample's facts appear in the summary.
    pub facts: Option<usize>,
    /// Upper bound of the peak, in bytes.
    pub max_peak_memory: Option<u64>,
    /// Lower bound of the words in the summary.
    pub min_words: Option<usize>,
    /// Upper bound of the words in the summary.
    pub max_words: Option<usize>,
}

impl Default for Expect {
    fn default() -> Self {
        Self {
            exit_codes: vec![0],
            all_tokens_read: true,
            complete: true,
            policy: None,
            must_contain: Vec::new(),
            must_not_contain: Vec::new(),
            ignore_case: true,
            facts: None,
            max_peak_memory: None,
            min_words: None,
            max_words: None,
        }
    }
}

/// The judgement on one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What was not as expected, one line each; none if the case passed.
    pub failures: Vec<String>,
    /// How many of the sample's facts appear; `None` without a summary or facts.
    pub facts_found: Option<usize>,
}

impl Expect {
    /// Compares a run with what is expected of it. `answers` are what the facts of the sample say.
    pub fn judge(&self, run: &Observed, answers: &[String]) -> Verdict {
        let mut verdict = Verdict::default();
        let unexpected_end = self.unexpected_end(run);
        let ended_well = unexpected_end.is_none();
        verdict.failures.extend(unexpected_end);
        match &run.seen {
            Ok(seen) => {
                let words = Words::new(&seen.summary, self.ignore_case);
                self.judge_figures(seen, &mut verdict.failures);
                self.judge_words(seen, &words, &mut verdict.failures);
                let found = answers.iter().filter(|answer| words.have(answer)).count();
                verdict.facts_found = (!answers.is_empty()).then_some(found);
                if let Some(wanted) = self.facts.filter(|&wanted| found < wanted) {
                    let planted = answers.len();
                    verdict.failures.push(format!("{found} of {planted} facts are in the summary, expected {wanted}"));
                }
            }
            // the exit code has said it already
            Err(reason) if ended_well && self.needs_statistics() => verdict.failures.push(reason.clone()),
            Err(_) => {}
        }
        verdict
    }

    fn unexpected_end(&self, run: &Observed) -> Option<String> {
        let what = match run.end {
            End::Code(code) if self.exit_codes.contains(&code) => return None,
            other => other.to_string(),
        };
        let codes: Vec<String> = self.exit_codes.iter().map(ToString::to_string).collect();
        let why = run.error.as_ref().map_or(String::new(), |error| format!(": {error}"));
        Some(format!("{what}, expected exit code {}{why}", codes.join(" or ")))
    }

    /// Whether anything is expected beside the exit code.
    fn needs_statistics(&self) -> bool {
        self.all_tokens_read
            || self.complete
            || self.policy.is_some()
            || self.facts.is_some()
            || !self.must_contain.is_empty()
            || !self.must_not_contain.is_empty()
            || self.max_peak_memory.is_some()
            || self.min_words.is_some()
            || self.max_words.is_some()
    }

    fn judge_figures(&self, seen: &Seen, failures: &mut Vec<String>) {
        let (read, tokens) = (seen.input.tokens_read, seen.input.tokens);
        if self.all_tokens_read && read != tokens {
            failures.push(format!("{read} of {tokens} tokens were read"));
        }
        if self.complete && !seen.complete {
            let reason = seen.incomplete_reason.as_deref().unwrap_or("no reason was given");
            failures.push(format!("the summary is not complete: {reason}"));
        }
        if let Some(policy) = self.policy.as_ref().filter(|&policy| *policy != seen.policy) {
            failures.push(format!("the policy was {}, expected {policy}", seen.policy));
        }
        match (self.max_peak_memory, seen.memory.peak_rss_bytes) {
            (Some(bound), Some(peak)) if peak > bound => {
                failures.push(format!("peak memory {} is over the bound of {}", readable(peak), readable(bound)));
            }
            (Some(_), None) => failures.push("the peak memory is unknown on this system".to_owned()),
            _ => {}
        }
    }

    fn judge_words(&self, seen: &Seen, words: &Words, failures: &mut Vec<String>) {
        for alternatives in &self.must_contain {
            if !alternatives.iter().any(|wanted| words.have(wanted)) {
                let quoted: Vec<String> = alternatives.iter().map(|wanted| format!("{wanted:?}")).collect();
                failures.push(format!("the summary lacks {}", quoted.join(" or ")));
            }
        }
        for unwanted in self.must_not_contain.iter().filter(|unwanted| words.have(unwanted)) {
            failures.push(format!("the summary has {unwanted:?}"));
        }
        let count = seen.summary.split_whitespace().count();
        if let Some(least) = self.min_words.filter(|&least| count < least) {
            failures.push(format!("the summary has {count} words, expected at least {least}"));
        }
        if let Some(most) = self.max_words.filter(|&most| count > most) {
            failures.push(format!("the summary has {count} words, expected at most {most}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::observed::{SeenInput, SeenMemory};
    use super::*;

    fn good() -> Observed {
        Observed {
            end: End::Code(0),
            seen: Ok(Seen {
                summary: "The harbour of Brell was opened in 1842.".into(),
                complete: true,
                incomplete_reason: None,
                policy: "streaming".into(),
                input: SeenInput { tokens: 900, tokens_read: 900 },
                memory: SeenMemory { peak_rss_bytes: Some(150 << 20) },
            }),
            statistics: None,
            error: None,
            seconds: 1.0,
        }
    }

    fn with(change: impl FnOnce(&mut Observed, &mut Seen)) -> Observed {
        let mut run = good();
        let mut seen = run.seen.clone().unwrap();
        change(&mut run, &mut seen);
        run.seen = Ok(seen);
        run
    }

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[track_caller]
    fn fails(expect: &Expect, run: &Observed, reasons: &[&str]) {
        assert_eq!(expect.judge(run, &[]).failures, reasons);
    }

    #[test]
    fn all_is_well() {
        let expect = Expect {
            policy: Some("streaming".into()),
            must_contain: vec![strings(&["harbour"]), strings(&["MDCCCXLII", "1842"])],
            must_not_contain: strings(&["Here is", "<|im_end|>", "harbou"]),
            facts: Some(1),
            max_peak_memory: Some(150 << 20),
            min_words: Some(8),
            max_words: Some(8),
            ..Expect::default()
        };
        let verdict = expect.judge(&good(), &strings(&["brell", "1843"]));
        assert_eq!(verdict, Verdict { failures: vec![], facts_found: Some(1) });
    }

    #[test]
    fn each_expectation_can_fail() {
        let base = Expect::default;
        fails(&base(), &with(|_, seen| seen.input.tokens_read = 899), &["899 of 900 tokens were read"]);
        fails(&base(), &with(|_, seen| seen.complete = false), &["the summary is not complete: no reason was given"]);
        fails(&Expect { policy: Some("full".into()), ..base() }, &good(), &["the policy was streaming, expected full"]);
        fails(
            &Expect { must_contain: vec![strings(&["Harbor", "port"])], ..base() },
            &good(),
            &[r#"the summary lacks "Harbor" or "port""#],
        );
        fails(
            &Expect { must_contain: vec![strings(&["Harbour"])], ignore_case: false, ..base() },
            &good(),
            &[r#"the summary lacks "Harbour""#],
        );
        fails(
            &Expect { must_not_contain: strings(&["the HARBOUR"]), ..base() },
            &good(),
            &[r#"the summary has "the HARBOUR""#],
        );
        fails(&Expect { facts: Some(1), ..base() }, &good(), &["0 of 0 facts are in the summary, expected 1"]);
        fails(
            &Expect { max_peak_memory: Some(100 << 20), ..base() },
            &good(),
            &["peak memory 150.0 MiB is over the bound of 100.0 MiB"],
        );
        fails(
            &Expect { max_peak_memory: Some(1 << 30), ..base() },
            &with(|_, seen| seen.memory.peak_rss_bytes = None),
            &["the peak memory is unknown on this system"],
        );
        fails(&Expect { min_words: Some(9), ..base() }, &good(), &["the summary has 8 words, expected at least 9"]);
        fails(&Expect { max_words: Some(7), ..base() }, &good(), &["the summary has 8 words, expected at most 7"]);
        fails(&Expect { exit_codes: vec![6], ..base() }, &good(), &["exit code 0, expected exit code 6"]);
    }

    #[test]
    fn everything_that_is_wrong_is_said() {
        let run = with(|run, seen| {
            run.end = End::Code(6);
            seen.complete = false;
            seen.incomplete_reason = Some("the model wrote nothing".into());
        });
        fails(
            &Expect::default(),
            &run,
            &["exit code 6, expected exit code 0", "the summary is not complete: the model wrote nothing"],
        );
        let expect = Expect { exit_codes: vec![0, 6], complete: false, ..Expect::default() };
        fails(&expect, &run, &[]);
    }

    #[test]
    fn a_run_without_statistics_fails_once() {
        let mut run = good();
        run.seen = Err("it printed no statistics".into());
        fails(&Expect::default(), &run, &["it printed no statistics"]);
        run.error = Some("'a' is empty".into());
        run.end = End::Code(3);
        fails(
            &Expect { min_words: Some(1), ..Expect::default() },
            &run,
            &["exit code 3, expected exit code 0: 'a' is empty"],
        );
        let refused = Expect { exit_codes: vec![3], all_tokens_read: false, complete: false, ..Expect::default() };
        fails(&refused, &run, &[]);
        run.end = End::Signal(9);
        fails(&refused, &run, &["ended by signal SIGKILL, expected exit code 3: 'a' is empty"]);
        run.end = End::TimedOut(30);
        run.error = None;
        fails(&refused, &run, &["not finished after 30 s, expected exit code 3"]);
    }
}
