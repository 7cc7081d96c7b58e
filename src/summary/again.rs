//! A summary from notes that were kept: the document is not read again.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crate::llama::Model;
use crate::memory::policy::Policy;

use super::error::SummaryError;
use super::notes::{KeptNotes, compose};
use super::plan::{Settings, windowed_plan};
use super::prompt::PromptTokens;
use super::run::{Event, Outcome};
use super::scribe::Scribe;
use super::strategy::Strategy;
use super::writing::Writing;

/// Writes the summary that [`summarize`](super::run::summarize) writes from these notes, in a cache of the same size, so that the same
/// arguments give the same text. It is not complete if the notes are not of the whole document.
///
/// # Errors
/// As [`summarize`](super::run::summarize).
pub fn from_notes(
    model: &Model,
    kept: KeptNotes,
    settings: Settings,
    writing: &Writing,
    interrupt: &Arc<AtomicBool>,
    observer: &mut dyn FnMut(Event<'_>),
) -> Result<Outcome, SummaryError> {
    let start = Instant::now();
    let prompt = PromptTokens::new(model, &writing.around(model)?)?;
    let mut settings = writing.settings(settings, model);
    let policy =
        settings.policy.filter(|policy| *policy != Policy::Full).unwrap_or_else(|| settings.best_by_gate(model));
    let mut scribe = Scribe::new(model, writing.sampler(settings.sampler, Strategy::Notes), interrupt)?;
    let plan = windowed_plan(model, &settings, policy, &prompt)?;
    let plan = writing.room_for_notes(model, &settings, plan, &mut scribe)?;
    observer(Event::Started(policy, Strategy::Notes));
    let gate = policy.gate_of(settings.gate.take());
    let mut reader = plan.reader(model, &settings, gate, 1, interrupt)?;
    observer(Event::ReadAll { text_bytes: 0 });

    let (tokens, _) = kept.covered();
    let mut outcome = Outcome::of_reading(&mut reader, policy, Strategy::Notes, tokens, 0);
    outcome.document_tokens_read = tokens;
    outcome.notes = kept.notes.len() as u64;
    let (values, notes) = (writing.values(model), (kept.notes, settings.max_tokens));
    let mut outcome = outcome.written(start, observer, |give| {
        compose(&mut scribe, &mut reader, &writing.prompts, &writing.request, &values, notes, give)
    })?;
    outcome.written.incomplete = outcome.written.incomplete.or(kept.missing);
    Ok(outcome)
}
