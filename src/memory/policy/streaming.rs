//! StreamingLLM (arXiv 2309.17453): sinks and window stay, at consecutive positions; the rest is forgotten.

use super::Rule;

pub(super) struct Streaming;

impl Rule for Streaming {
    fn name(&self) -> &'static str {
        "streaming"
    }
}
