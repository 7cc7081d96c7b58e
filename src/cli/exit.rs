//! Exit codes.

use std::process::ExitCode;

use crate::bench::error::BenchError;
use crate::check::CheckError;
use crate::embed::EmbedError;
use crate::eval::EvalError;
use crate::eval::report::ReportError;
use crate::input::InputError;
use crate::llama::LlamaError;
use crate::memory::gate::GateError;
use crate::models::ModelError;
use crate::summary::error::SummaryError;
use crate::summary::notes::NotesError;
use crate::summary::prompt::PromptError;
use crate::summary::prompts::PromptsError;
use crate::threads::BadThreads;

/// What the process tells its caller. The numbers are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitStatus {
    /// The whole input was read, and the summary ends at the end of a sentence.
    Success = 0,
    /// Something failed.
    Failure = 1,
    /// The arguments do not fit together, or not the input.
    Usage = 2,
    /// The input is unreadable, empty or not text.
    Input = 3,
    /// The model or gate is missing, broken or of another kind.
    Model = 4,
    /// More memory would be needed than allowed.
    Memory = 5,
    /// The run finished, but the summary is not complete.
    Incomplete = 6,
    /// Ctrl-C.
    Interrupted = 130,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status as u8)
    }
}

impl ExitStatus {
    /// What the number that a process ended with means, if it is one of these.
    fn from_code(code: i32) -> Self {
        let all = [Self::Usage, Self::Input, Self::Model, Self::Memory, Self::Incomplete, Self::Interrupted];
        all.into_iter().find(|&status| status as i32 == code).unwrap_or(Self::Failure)
    }

    /// The worse of two, for runs over several files. The order is that of how much it keeps from being done: finished
    /// but incomplete, usage, input, memory, model, failure, interrupted.
    pub fn worse(self, other: Self) -> Self {
        let rank = |status| match status {
            Self::Success => 0,
            Self::Incomplete => 1,
            Self::Usage => 2,
            Self::Input => 3,
            Self::Memory => 4,
            Self::Model => 5,
            Self::Failure => 6,
            Self::Interrupted => 7,
        };
        if rank(other) > rank(self) { other } else { self }
    }

    /// The code for an error: that of the first typed error in its chain.
    pub fn of(error: &anyhow::Error) -> Self {
        let typed = |cause: &(dyn std::error::Error + 'static)| {
            None.or_else(|| cause.downcast_ref().map(of_summary))
                .or_else(|| cause.downcast_ref().map(of_llama))
                .or_else(|| cause.downcast_ref().map(of_model))
                .or_else(|| cause.downcast_ref().map(of_input))
                .or_else(|| cause.downcast_ref::<GateError>().map(|_| Self::Model))
                .or_else(|| cause.downcast_ref().map(of_notes))
                .or_else(|| cause.downcast_ref::<BadThreads>().map(|_| Self::Usage))
                .or_else(|| cause.downcast_ref().map(of_prompt))
                .or_else(|| cause.downcast_ref().map(of_prompts))
                .or_else(|| cause.downcast_ref().map(of_check))
                .or_else(|| cause.downcast_ref().map(of_eval))
                .or_else(|| cause.downcast_ref().map(of_embed))
                .or_else(|| cause.downcast_ref().map(of_report))
                .or_else(|| cause.downcast_ref().map(of_bench))
                .or_else(|| of_train(cause))
        };
        error.chain().find_map(typed).unwrap_or(Self::Failure)
    }
}

fn of_summary(error: &SummaryError) -> ExitStatus {
    match error {
        SummaryError::Input(e) => of_input(e),
        SummaryError::Llama(e) => of_llama(e),
        SummaryError::Prompt(e) => of_prompt(e),
        SummaryError::NoGate(_) => ExitStatus::Model,
        SummaryError::Memory { .. } => ExitStatus::Memory,
        SummaryError::TooLong { .. }
        | SummaryError::NotesDisturb { .. }
        | SummaryError::WindowTooSmall { .. }
        | SummaryError::LayoutTooLarge { .. }
        | SummaryError::Budget(_) => ExitStatus::Usage,
    }
}

fn of_notes(error: &NotesError) -> ExitStatus {
    match error {
        NotesError::Input(e) => of_input(e),
        NotesError::TooLong { .. }
        | NotesError::Invalid { .. }
        | NotesError::OtherDocument { .. }
        | NotesError::Empty { .. } => ExitStatus::Input,
    }
}

fn of_prompt(error: &PromptError) -> ExitStatus {
    match error {
        PromptError::Template(_) => ExitStatus::Model,
        PromptError::Prompts(e) => of_prompts(e),
        PromptError::Llama(e) => of_llama(e),
    }
}

fn of_prompts(error: &PromptsError) -> ExitStatus {
    match error {
        PromptsError::Read { .. } => ExitStatus::Input,
        PromptsError::Parse { .. } | PromptsError::Template { .. } => ExitStatus::Usage,
    }
}

fn of_llama(error: &LlamaError) -> ExitStatus {
    match error {
        LlamaError::ModelLoad { .. }
        | LlamaError::Unsupported { .. }
        | LlamaError::NotCausal { .. }
        | LlamaError::NoEmbeddings { .. }
        | LlamaError::Gate(_) => ExitStatus::Model,
        LlamaError::Interrupted => ExitStatus::Interrupted,
        _ => ExitStatus::Failure,
    }
}

fn of_model(error: &ModelError) -> ExitStatus {
    match error {
        ModelError::Interrupted => ExitStatus::Interrupted,
        ModelError::DiskFull { .. } | ModelError::Permission { .. } | ModelError::Io { .. } => ExitStatus::Failure,
        _ => ExitStatus::Model,
    }
}

fn of_report(error: &ReportError) -> ExitStatus {
    match error {
        ReportError::Plot { .. } => ExitStatus::Failure,
        _ => ExitStatus::Input,
    }
}

fn of_check(error: &CheckError) -> ExitStatus {
    match error {
        CheckError::Read { .. } => ExitStatus::Input,
        CheckError::Invalid { .. } | CheckError::Output { .. } => ExitStatus::Usage,
        CheckError::Interrupted => ExitStatus::Interrupted,
        _ => ExitStatus::Failure,
    }
}

fn of_eval(error: &EvalError) -> ExitStatus {
    match error {
        EvalError::Read { .. } | EvalError::Invalid { .. } => ExitStatus::Input,
        EvalError::Write { .. } | EvalError::Busy { .. } | EvalError::Output(_) | EvalError::Rouge(_) => {
            ExitStatus::Failure
        }
        EvalError::NoGate(_) | EvalError::NoNumber { .. } => ExitStatus::Model,
        EvalError::NotComparable
        | EvalError::ClosedBook
        | EvalError::Sample(_)
        | EvalError::NothingFolded { .. }
        | EvalError::TextTooShort { .. } => ExitStatus::Usage,
        EvalError::TooShort { .. } | EvalError::LongBench(_) | EvalError::NoDataset { .. } => ExitStatus::Input,
        EvalError::Prompt(e) => of_prompt(e),
        EvalError::Llama(e) => of_llama(e),
        EvalError::Embed(e) => of_embed(e),
        EvalError::Summary(e) => of_summary(e),
    }
}

#[cfg(feature = "train")]
fn of_train(cause: &(dyn std::error::Error + 'static)) -> Option<ExitStatus> {
    use crate::train::TrainError;
    Some(match cause.downcast_ref()? {
        TrainError::Unsupported { .. } | TrainError::Tensor { .. } | TrainError::Gguf(_) | TrainError::Gate(_) => {
            ExitStatus::Model
        }
        TrainError::Model(e) => of_model(e),
        TrainError::NoSuchLayer { .. }
        | TrainError::NotInGate { .. }
        | TrainError::OtherBase { .. }
        | TrainError::NoScores
        | TrainError::NoScoresBeside
        | TrainError::AlwaysBeside
        | TrainError::NoStep
        | TrainError::TextUnread
        | TrainError::TooLong { .. }
        | TrainError::OtherRun { .. } => ExitStatus::Usage,
        TrainError::Pairs(e) => of_eval(e),
        TrainError::Plot(e) => of_report(e),
        TrainError::Io { action: "read", .. } | TrainError::TooShort { .. } => ExitStatus::Input,
        TrainError::Io { .. } | TrainError::NotFinite { .. } | TrainError::Candle(_) | TrainError::Threads(_) => {
            ExitStatus::Failure
        }
        TrainError::Interrupted => ExitStatus::Interrupted,
        TrainError::Prompt(e) => of_prompt(e),
        TrainError::Llama(e) => of_llama(e),
        TrainError::Sizes(e) => of_summary(e),
    })
}

#[cfg(not(feature = "train"))]
fn of_train(_: &(dyn std::error::Error + 'static)) -> Option<ExitStatus> {
    None
}

fn of_embed(error: &EmbedError) -> ExitStatus {
    match error {
        EmbedError::Model { .. } => ExitStatus::Model,
        EmbedError::Llama(e) => of_llama(e),
    }
}

fn of_bench(error: &BenchError) -> ExitStatus {
    match error {
        BenchError::TooShort { .. } => ExitStatus::Input,
        BenchError::Stdin => ExitStatus::Usage,
        BenchError::Run { code, .. } => ExitStatus::from_code(*code),
        BenchError::Input(e) => of_input(e),
        BenchError::Llama(e) => of_llama(e),
        BenchError::Prompt(e) => of_prompt(e),
        BenchError::Summary(e) => of_summary(e),
    }
}

fn of_input(error: &InputError) -> ExitStatus {
    match error {
        InputError::Interrupted => ExitStatus::Interrupted,
        InputError::Copy { .. } => ExitStatus::Failure,
        _ => ExitStatus::Input,
    }
}
