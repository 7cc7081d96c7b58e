//! How a summary is written.

use crate::llama::{Model, SamplerParams};
use crate::memory::layout::WindowSizes;
use crate::memory::policy::Policy;

use super::error::SummaryError;
use super::filter::Asked;
use super::map_reduce::MapReduce;
use super::notes::{MERGED_TOKENS, NoteSizes, NoteTaker, QUOTED, composing, n_parts, overview};
use super::plan::{Plan, Settings};
use super::prompt::{Instructions, PromptError};
use super::prompts::{Prompts, Task, Values};
use super::request::{Request, Style};
use super::scribe::Scribe;
use super::strategy::Strategy;

/// Tokens that notes are written from at least, beside the summary.
const APART: u32 = 1280;

/// What notes cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NotesCost {
    /// Notes that are taken while reading.
    pub notes: u64,
    /// Tokens read for them.
    pub tokens_read: u64,
    /// Tokens written.
    pub tokens_written: u64,
}

/// What is to be written, and how.
#[derive(Debug, Clone)]
pub struct Writing {
    /// The strategy; `None` takes notes of a document that does not fit the model's context, if the model has no sliding window.
    pub strategy: Option<Strategy>,
    /// What is wanted.
    pub request: Request,
    /// The templates of what is asked.
    pub prompts: Prompts,
    /// Which notes are taken.
    pub notes: NoteSizes,
}

impl Writing {
    /// What stands around the document.
    ///
    /// # Errors
    /// Those of the templates.
    pub fn around(&self, model: &Model) -> Result<Instructions, SummaryError> {
        let task = self.request.task();
        Ok(self.prompts.render(task, &self.values(model)).map_err(PromptError::from)?)
    }

    /// What templates can use.
    pub fn values(&self, model: &Model) -> Values {
        Values { parameters: model.n_parameters() / 1_000_000, ..self.request.values() }
    }

    /// What the model was asked, for what it writes in one piece.
    ///
    /// # Errors
    /// Those of the templates.
    pub fn asked(&self, task: Task, values: &Values) -> Result<Asked, SummaryError> {
        let words = self.prompts.own_words(task, values).map_err(PromptError::from)?;
        let prose = self.request.style == Style::Paragraph && self.request.question.is_none();
        Ok(Asked { words, prose })
    }

    /// The strategy for a document that is read under a policy.
    pub fn strategy(&self, policy: Policy, model: &Model) -> Strategy {
        let auto = if policy == Policy::Full || model.n_swa() > 0 { Strategy::Direct } else { Strategy::Notes };
        self.strategy.unwrap_or(auto)
    }

    /// How a document is read: one that notes are taken of, or that is cut into chunks, needs no cache for all of it.
    pub fn settings(&self, settings: Settings, model: &Model) -> Settings {
        let policy = match (settings.policy, self.strategy) {
            (None, Some(Strategy::Notes | Strategy::MapReduce)) => Some(settings.best_by_gate(model)),
            (policy, _) => policy,
        };
        Settings { policy, ..settings }
    }

    /// How tokens are chosen under a strategy: a penalty for repetition keeps a number with equal digits from being copied, and loops
    /// are cut off where notes are cleaned.
    pub fn sampler(&self, sampler: SamplerParams, strategy: Strategy) -> SamplerParams {
        match strategy {
            Strategy::Notes => SamplerParams { repeat_penalty: 1.0, ..sampler },
            _ => sampler,
        }
    }

    /// The plan with room for what a strategy asks beside the document. Where there is none for notes that nobody asked for, the
    /// document is read directly, and the reason comes along.
    ///
    /// # Errors
    /// Those of the templates, and what [`Plan::with_aside`] says.
    pub fn room(
        &self,
        model: &Model,
        settings: &Settings,
        plan: Plan,
        strategy: Strategy,
        scribe: &mut Scribe<'_>,
    ) -> Result<(Plan, Strategy, Option<SummaryError>), SummaryError> {
        match self.room_for(model, settings, plan, strategy, scribe) {
            Ok(plan) => Ok((plan, strategy, None)),
            Err(error @ (SummaryError::Memory { .. } | SummaryError::LayoutTooLarge { .. }))
                if self.strategy.is_none() && strategy == Strategy::Notes =>
            {
                Ok((plan, Strategy::Direct, Some(error)))
            }
            Err(error) => Err(error),
        }
    }

    fn room_for(
        &self,
        model: &Model,
        settings: &Settings,
        plan: Plan,
        strategy: Strategy,
        scribe: &mut Scribe<'_>,
    ) -> Result<Plan, SummaryError> {
        match strategy {
            Strategy::Direct | Strategy::Extract => Ok(plan),
            Strategy::Notes if model.n_swa() > 0 => Err(SummaryError::NotesDisturb { n_swa: model.n_swa() }),
            Strategy::Notes => self.room_for_notes(model, settings, plan, scribe),
            Strategy::MapReduce => {
                let sizes = self.sizes(model, settings, plan.policy)?;
                let longest = self.notes.tokens(sizes);
                plan.with_aside(
                    model,
                    settings,
                    0,
                    (self.notes.every(sizes) + APART / 2).max(8 * longest) + self.longest_answer(),
                )
            }
        }
    }

    /// The plan with room for notes and for the summary from them.
    ///
    /// # Errors
    /// As [`Writing::room`].
    pub fn room_for_notes(
        &self,
        model: &Model,
        settings: &Settings,
        plan: Plan,
        scribe: &mut Scribe<'_>,
    ) -> Result<Plan, SummaryError> {
        let taker = self.note_taker(model, settings, plan.policy)?;
        let longest = self.notes.tokens(self.sizes(model, settings, plan.policy)?);
        plan.with_aside(model, settings, taker.room(scribe)?, APART.max(8 * longest) + self.longest_answer())
    }

    /// Tokens that the model writes at the end, at most.
    pub fn longest_text(&self, strategy: Strategy, max_tokens: u32) -> u32 {
        match strategy {
            Strategy::Notes if self.request.is_quoting() => overview(&self.request, max_tokens).1,
            _ => max_tokens,
        }
    }

    /// Tokens of an answer that there is room for beside what it is written from.
    fn longest_answer(&self) -> u32 {
        self.request.length.max_tokens().min(512)
    }

    /// What notes cost for a document of so many tokens if each is as long as it may be, with what is read for the summary from them, about.
    ///
    /// # Errors
    /// Those of the templates.
    pub fn cost(
        &self,
        model: &Model,
        settings: &Settings,
        (plan, strategy): (&Plan, Strategy),
        document_tokens: u64,
        scribe: &mut Scribe<'_>,
    ) -> Result<NotesCost, SummaryError> {
        if matches!(strategy, Strategy::Direct | Strategy::Extract) {
            return Ok(NotesCost::default());
        }
        let sizes = self.sizes(model, settings, plan.policy)?;
        let longest = u64::from(self.notes.tokens(sizes));
        let room = u64::from(self.note_taker(model, settings, plan.policy)?.room(scribe)?);
        let notes = document_tokens.div_ceil(u64::from(self.notes.every(sizes)));
        let (read, written) = if strategy == Strategy::Notes {
            // the model writes what comes first, or all of it
            let n = if self.request.is_quoting() { 1 } else { n_parts(&self.request, settings.max_tokens) };
            let parts = u64::from(n);
            let n_apart = plan.n_cells - plan.layout.map_or(0, |layout| layout.n_retain);
            let for_part = n_apart.saturating_sub(self.longest_answer() + 2 * QUOTED);
            composing(notes, longest, (parts, u64::from(for_part)))
        } else {
            // eight summaries become one, so a seventh more are written in all, and each is read once more
            let merges = notes.div_ceil(7);
            ((notes + merges) * (longest + u64::from(QUOTED)), merges * u64::from(MERGED_TOKENS))
        };
        Ok(NotesCost { notes, tokens_read: notes * (room - longest) + read, tokens_written: notes * longest + written })
    }

    /// Takes the notes.
    ///
    /// # Errors
    /// Those of the templates.
    pub fn note_taker(&self, model: &Model, settings: &Settings, policy: Policy) -> Result<NoteTaker, SummaryError> {
        let sizes = self.sizes(model, settings, policy)?;
        let sizes = (self.notes.every(sizes), self.notes.tokens(sizes));
        Ok(NoteTaker::new(self.prompts.clone(), self.around(model)?, self.values(model), sizes, self.notes.bound()))
    }

    /// Summarizes the chunks.
    ///
    /// # Errors
    /// Those of a budget.
    pub fn map_reduce(&self, model: &Model, settings: &Settings, policy: Policy) -> Result<MapReduce, SummaryError> {
        let sizes = self.sizes(model, settings, policy)?;
        Ok(MapReduce::new(self.prompts.clone(), self.values(model), self.notes.every(sizes), self.notes.tokens(sizes)))
    }

    fn sizes(&self, model: &Model, settings: &Settings, policy: Policy) -> Result<WindowSizes, SummaryError> {
        // a document that fits is noted as one that does not
        let policy = if policy == Policy::Full { Policy::Streaming } else { policy };
        settings.sizes_of(policy, model)
    }
}
