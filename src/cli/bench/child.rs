//! This program once more, in a process of its own.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use serde::de::DeserializeOwned;

use crate::bench::error::BenchError;
use crate::cli::args::EngineArgs;
use crate::cli::exit::ExitStatus;
use crate::llama::LlamaError;

/// A run that prints its result as JSON.
pub struct Child {
    command: Command,
}

impl Child {
    /// A hidden command on a file, with the engine of this process.
    pub fn new(names: &[&str], file: &Path, engine: &EngineArgs) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe().context("this program cannot find itself")?);
        command.args(names).arg(file);
        command.arg("--model").arg(&engine.model);
        for (flag, value) in [("--sinks", engine.sinks), ("--segment", engine.segment)] {
            command.args([flag, &value.to_string()]);
        }
        match engine.budget {
            Some(budget) => command.args(["--budget", &budget.to_string()]),
            None => command.args(["--window", &engine.window.to_string()]),
        };
        let cache_type = engine.cache_type.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned());
        command.args(["--cache-type", &cache_type]);
        if let Some(retain) = engine.retain {
            command.args(["--retain", &retain.to_string()]);
        }
        if let Some(queries) = engine.queries {
            command.args(["--queries", &queries.to_string()]);
        }
        if engine.no_flash_attention {
            command.arg("--no-flash-attention");
        }
        if let Some(threads) = engine.threads {
            command.args(["--threads", &threads.to_string()]);
        }
        command.args(["--gpu-layers", &engine.gpu_layers.to_string()]);
        if let Some(gate) = &engine.gate {
            command.args(["--gate", &gate.to_string()]);
        }
        Ok(Self { command })
    }

    /// Adds arguments.
    pub fn args<'a>(&mut self, args: impl IntoIterator<Item = &'a str>) {
        self.command.args(args);
    }

    /// Runs it; `policy` is named where it fails.
    pub fn result<T: DeserializeOwned>(mut self, policy: &str) -> Result<T> {
        let output = self.command.stderr(Stdio::inherit()).output().context("a run cannot be started")?;
        if output.status.code() == Some(ExitStatus::Interrupted as i32) {
            return Err(LlamaError::Interrupted.into());
        }
        if !output.status.success() {
            let code = output.status.code().unwrap_or_default();
            return Err(BenchError::Run { policy: policy.to_owned(), code }.into());
        }
        serde_json::from_slice(&output.stdout).context("a run printed no result")
    }
}
