//! Man pages and completions, from the same source as the help.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use clap::CommandFactory;
use clap_complete::{Shell, generate, generate_to};

use super::args::Cli;
use super::exit::ExitStatus;
use super::printer::Printer;

const NAME: &str = "edgeinf";

/// Prints the completions of a shell.
pub fn completions(shell: Shell, printer: &mut Printer) -> Result<ExitStatus> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), NAME, &mut script);
    printer.stdout(&String::from_utf8_lossy(&script))?;
    Ok(ExitStatus::Success)
}

/// Writes man pages and completions to where shells and man look for them below `dir`.
pub fn share(dir: &Path, printer: &mut Printer) -> Result<ExitStatus> {
    let create = |part: &str| {
        let path = dir.join(part);
        let made = fs::create_dir_all(&path).with_context(|| format!("{} cannot be created", path.display()));
        made.map(|()| path)
    };
    let man = create("man/man1")?;
    clap_mangen::generate_to(Cli::command(), &man).with_context(|| format!("{} cannot be written", man.display()))?;
    for (shell, place, name) in [
        (Shell::Bash, "bash-completion/completions", "edgeinf"),
        (Shell::Zsh, "zsh/site-functions", "_edgeinf"),
        (Shell::Fish, "fish/vendor_completions.d", "edgeinf.fish"),
    ] {
        let place = create(place)?;
        let cannot = || format!("{} cannot be written", place.join(name).display());
        let made = generate_to(shell, &mut Cli::command(), NAME, &place).with_context(cannot)?;
        fs::rename(made, place.join(name)).with_context(cannot)?;
    }
    printer.detail(&format!("man pages and completions are in {}", dir.display()));
    Ok(ExitStatus::Success)
}
