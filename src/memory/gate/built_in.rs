//! Gates that are part of the program.

use std::path::Path;

use super::spec::BUILT_IN;
use super::{Gate, GateError, ModelShape};
use crate::gguf::Gguf;

/// A gate that is part of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltIn {
    /// Name of its file in the folder `gates`.
    pub file: &'static str,
    /// The file.
    pub bytes: &'static [u8],
}

const ALL: [BuiltIn; 2] = [
    BuiltIn { file: "smollm2-135m.gguf", bytes: include_bytes!("../../../gates/smollm2-135m.gguf") },
    BuiltIn { file: "qwen2.5-coder-0.5b.gguf", bytes: include_bytes!("../../../gates/qwen2.5-coder-0.5b.gguf") },
];

impl BuiltIn {
    /// The one of this name.
    pub fn find(file: &str) -> Option<Self> {
        ALL.into_iter().find(|gate| gate.file == file)
    }

    /// How all of them are named on a command line.
    pub(super) fn names() -> String {
        ALL.map(|gate| format!("{BUILT_IN}{}", gate.file)).join(", ")
    }

    /// The gate, checked against the model.
    ///
    /// # Errors
    /// As [`Gate::load`].
    pub fn open(self, shape: &ModelShape) -> Result<Gate, GateError> {
        let name = format!("the built-in gate {}", self.file);
        Gate::of(Gguf::built_in(Path::new(self.file), self.bytes)?, name, shape)
    }
}
