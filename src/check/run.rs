//! One case in a process of its own.

use std::env;
use std::path::{self, Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use super::observed::Observed;
use super::process::{self, End};
use super::report::{CaseResult, Facts};
use super::{Case, CheckError};

/// Runs cases.
#[derive(Debug)]
pub struct Runner<'a> {
    /// The program, as far as it has the command `summarize`.
    pub program: PathBuf,
    /// The directory that paths in options are seen from.
    pub dir: &'a Path,
    /// Ends a run, and the check, soon after it becomes true.
    pub interrupt: &'a AtomicBool,
}

impl Runner<'_> {
    /// Runs a case and judges it.
    ///
    /// # Errors
    /// Those of [`CheckError`] that have to do with this machine; a run that fails is a result.
    pub fn run(&self, case: &Case) -> Result<CaseResult, CheckError> {
        let document = case.document.prepare()?;
        let mut command = Command::new(&self.program);
        command.current_dir(self.dir);
        // this process may have been told a directory as seen from elsewhere
        if let Some(cache) = env::var_os("EDGEINF_CACHE").filter(|dir| !dir.is_empty())
            && let Ok(cache) = path::absolute(cache)
        {
            command.env("EDGEINF_CACHE", cache);
        }
        command.arg("summarize").arg(document.path()).arg("--json").args(&case.arguments);
        let finished = process::run(&mut command, case.timeout_s, self.interrupt)?;
        let observed = Observed::new(&finished);
        let verdict = case.expect.judge(&observed, &document.answers);
        let planted = document.answers.len();
        Ok(CaseResult {
            name: case.name.clone(),
            passed: verdict.failures.is_empty(),
            failures: verdict.failures,
            document: case.document.clone(),
            arguments: case.arguments.clone(),
            exit_code: if let End::Code(code) = observed.end { Some(code) } else { None },
            seconds: (observed.seconds * 1e3).round() / 1e3,
            facts: verdict.facts_found.map(|found| Facts { planted, found }),
            error: observed.error,
            seen: observed.seen.ok(),
            statistics: observed.statistics,
        })
    }
}
