//! Two contexts that do the same in turn, one of them with a clock.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use crate::bench::estimate::median;
use crate::llama::{LlamaError, Sampler, Token};
use crate::memory::policy::Policy;
use crate::reader::Reader;

use super::parts::{Part, Spent, Tally};
use super::{PartRow, Phase};

/// Which of the two.
const CLOCKED: usize = 1;

/// The contexts, and what was measured since the last [`Turns::reset`].
pub struct Turns<'m> {
    /// Without the clock and with it.
    readers: [Reader<'m>; 2],
    tally: Rc<RefCell<Tally>>,
    /// Seconds of each segment or token.
    seconds: [Vec<f64>; 2],
    /// Of the clocked one.
    compaction: f64,
    sampling: f64,
    /// Pairs of a query and a key that it may see.
    pairs: f64,
}

impl<'m> Turns<'m> {
    /// Two empty contexts; `tally` is told what the second one computes.
    pub fn new(plain: Reader<'m>, clocked: Reader<'m>, tally: Rc<RefCell<Tally>>) -> Self {
        let seconds = [Vec::new(), Vec::new()];
        Self { readers: [plain, clocked], tally, seconds, compaction: 0.0, sampling: 0.0, pairs: 0.0 }
    }

    /// Forgets what was measured.
    pub fn reset(&mut self) {
        self.tally.borrow_mut().reset();
        self.seconds = [Vec::new(), Vec::new()];
        (self.compaction, self.sampling, self.pairs) = (0.0, 0.0, 0.0);
    }

    /// Each is first equally often.
    fn order(&self) -> [usize; 2] {
        if self.seconds[0].len().is_multiple_of(2) { [0, CLOCKED] } else { [CLOCKED, 0] }
    }

    /// Both take tokens that are not measured.
    pub fn push(&mut self, tokens: &[Token]) -> Result<(), LlamaError> {
        self.readers.iter_mut().try_for_each(|reader| reader.push(tokens))
    }

    /// Both read what ends a text.
    pub fn finish(&mut self, suffix: &[Token]) -> Result<(), LlamaError> {
        self.readers.iter_mut().try_for_each(|reader| reader.finish(suffix))
    }

    /// Both read a segment.
    pub fn segment(&mut self, tokens: &[Token]) -> Result<(), LlamaError> {
        for which in self.order() {
            let reader = &mut self.readers[which];
            let start = Instant::now();
            self.tally.borrow_mut().paused = true;
            reader.make_room(tokens.len() as u32)?;
            self.tally.borrow_mut().paused = false;
            let compaction = start.elapsed().as_secs_f64();
            let (n, n_cached) = (tokens.len() as f64, f64::from(reader.context().n_cached()));
            reader.push(tokens)?;
            self.seconds[which].push(start.elapsed().as_secs_f64());
            if which == CLOCKED {
                self.compaction += compaction;
                self.pairs += n * n_cached + n * (n + 1.0) / 2.0;
            }
        }
        Ok(())
    }

    /// Both write a token.
    pub fn token(&mut self, samplers: &mut [Sampler; 2]) -> Result<(), LlamaError> {
        for which in self.order() {
            let reader = &mut self.readers[which];
            let start = Instant::now();
            let token = samplers[which].sample(reader.logits()?);
            let sampling = start.elapsed().as_secs_f64();
            reader.step(token)?;
            self.seconds[which].push(start.elapsed().as_secs_f64());
            if which == CLOCKED {
                self.sampling += sampling;
                self.pairs += f64::from(reader.context().n_cached());
            }
        }
        Ok(())
    }

    /// What was measured, with the seconds that the tokenizer takes and the operations of attention for a pair.
    pub fn phase(
        &self,
        policy: Policy,
        (phase, tokens): (&'static str, u32),
        tokenizing: f64,
        operations_of_a_pair: Option<f64>,
    ) -> Phase {
        let [plain, clocked] = &self.seconds;
        let count = plain.len().max(1) as f64;
        let mean = |seconds: &[f64]| seconds.iter().sum::<f64>() / count + tokenizing;
        let clocked_seconds = mean(clocked);
        let tally = self.tally.borrow();
        let spent = |part: Part| match part {
            Part::Compaction => Spent { seconds: self.compaction / count, operations: 0.0 },
            Part::Sampling => Spent { seconds: self.sampling / count, operations: 0.0 },
            Part::Tokenizing => Spent { seconds: tokenizing, operations: 0.0 },
            Part::Outside => Spent::default(),
            Part::Weights | Part::Attention | Part::Memory | Part::Operations => {
                let Spent { seconds, operations } = tally.spent(part);
                let operations =
                    if part == Part::Attention { self.pairs * operations_of_a_pair.unwrap_or(0.0) } else { operations };
                Spent { seconds: seconds / count, operations: operations / count }
            }
        };
        let inside: f64 = Part::ALL.iter().map(|&part| spent(part).seconds).sum();
        let row = |part: Part| {
            let mut spent = spent(part);
            if part == Part::Outside {
                spent.seconds = (clocked_seconds - inside).max(0.0);
            }
            let speed = spent.operations / spent.seconds / 1e9;
            (spent.seconds > 0.0).then_some(PartRow {
                part,
                seconds: spent.seconds,
                share: spent.seconds / clocked_seconds,
                gflops_per_second: (spent.operations > 0.0).then_some(speed),
                of_best_product: None,
            })
        };
        Phase {
            policy: policy.to_string(),
            phase,
            tokens,
            count: plain.len() as u32,
            seconds: mean(plain),
            clocked_seconds,
            clock_overhead: median(clocked.iter().zip(plain).map(|(with, without)| with / without)).unwrap_or(1.0)
                - 1.0,
            parts: Part::ALL.iter().filter_map(|&part| row(part)).collect(),
        }
    }
}
