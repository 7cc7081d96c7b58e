//! A summary from notes that the model takes while it reads.
//!
//! A small model that has read a book and then writes of it writes of its last page. So it writes a short note of each stretch
//! while the stretch is still in its cache; the note leaves the cache again. At the end the model writes
//! of the whole from the notes, and sentences of the document follow that tell most of each stretch.

mod clean;
mod compose;
mod cost;
mod draft;
mod grounds;
mod kept;
mod listing;
mod note;
mod page;
mod parts;
mod quotes;
mod scaffold;
mod sheet;
mod sizes;
mod speaking;
mod taker;
mod torn;
mod whole;

pub use clean::{Cleaner, original};
pub use compose::{compose, extracted};
pub(crate) use cost::{MERGED_TOKENS, composing, n_parts, overview};
pub use kept::{End, KeptNotes, Line, NotesError};
pub use note::{Detail, Note};
pub use scaffold::{ORNAMENT, is_scaffold, without_preamble};
pub(crate) use sizes::QUOTED;
pub use sizes::{Bound, NoteSizes};
pub use taker::NoteTaker;
