//! Ordinary attention over the whole text.

use super::Rule;

pub(super) struct Full;

impl Rule for Full {
    fn name(&self) -> &'static str {
        "full"
    }
}
