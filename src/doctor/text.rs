//! The facts for people.

use std::fmt::Write;

use crate::size::readable;

use super::{Facts, Feature, Level, ModelState};

impl Facts {
    /// Some lines: the facts, then what they mean.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: String| {
            let _ = writeln!(text, "{name:<12} {value}");
        };
        line("version", format!("{}, {}, {}", self.version, self.profile, self.engine.target));
        let list = |names: &[&str]| if names.is_empty() { "none".to_owned() } else { names.join(" ") };
        let native = if self.engine.native { "for the processor that built it" } else { "portable" };
        let hooks = if self.engine.hooks { "with hooks" } else { "without hooks" };
        line("engine", format!("{native}, {hooks}, features: {}", list(&self.features)));

        let processor = &self.processor;
        let name = if processor.name.is_empty() { "unknown processor" } else { &processor.name };
        line("processor", format!("{name}, {} processors, {} threads used", processor.processors, processor.threads));
        let which = |wanted: fn(&Feature) -> bool| {
            let names: Vec<&str> = processor.features.iter().filter(|&f| wanted(f)).map(|f| f.name).collect();
            list(&names)
        };
        line("  compiled", which(|f| f.compiled));
        line("  unused", which(|f| !f.compiled && f.present == Some(true)));
        line("  lacking", which(|f| f.compiled && f.present == Some(false)));

        let memory = &self.memory;
        let limit = memory.limit_bytes.map_or(String::new(), |limit| format!(", limited to {}", readable(limit)));
        let (total, available) = (readable(memory.total_bytes), readable(memory.available_bytes));
        line("memory", format!("{total}, {available} available{limit}"));

        let dir = self.cache.dir.as_ref().map_or("none".into(), |dir| dir.display().to_string());
        let free = self.cache.free_bytes.map_or(String::new(), |free| format!(", {} free", readable(free)));
        line("cache", format!("{dir}{free}"));
        for model in &self.models {
            let state = match model.state {
                ModelState::Absent => "not pulled",
                ModelState::Verified => "sha256 verified",
                ModelState::Unverified => "there; the catalogue has no sha256 of it",
                ModelState::Damaged => "DAMAGED",
            };
            let size = model.bytes.map_or("?".into(), readable);
            line("  model", format!("{:<20} {:>10}  {state}", model.name, size));
        }
        line(
            "python3",
            match (self.python.found, &self.python.pip) {
                (_, Some(pip)) => pip.clone(),
                (true, None) => "found, without pip".into(),
                (false, None) => "not found".into(),
            },
        );
        let findings = self.findings();
        for finding in &findings {
            let level = match finding.level {
                Level::Warning => "warning",
                Level::Problem => "problem",
            };
            let _ = writeln!(text, "{level}: {}", finding.text);
        }
        if !findings.iter().any(|finding| finding.level == Level::Problem) {
            let _ = writeln!(text, "ready to summarize with '{}'", self.model.name);
        }
        text
    }
}
