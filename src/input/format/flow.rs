//! Text in paragraphs, lines and cells.

/// Newlines, or separators of empty cells, that are written at once at most: no page needs more, and a damaged one may
/// have millions.
const RUN: usize = 1024;

/// Writes text. Breaks are only asked for: they are written before the next character, the larger of several.
#[derive(Debug, Default)]
pub(super) struct Flow {
    out: String,
    pending: Break,
    space: Space,
    /// What the next line begins with, such as `- `.
    lead: Option<String>,
    /// Newlines of verbatim text that were not written yet.
    newlines: usize,
    /// Cells of this row that have begun.
    cells: usize,
    /// Separators of cells that were not written yet.
    separators: usize,
    /// Nothing was written in this cell.
    cell_begins: bool,
    /// Something was written in this row.
    row_begun: bool,
    /// The character that was written last; `None` at the start of the document.
    last: Option<char>,
}

/// What comes before the next character.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Break {
    #[default]
    None,
    Line,
    Paragraph,
}

/// What comes between two words.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Space {
    #[default]
    None,
    /// A space, unless both characters belong to a script that is written without.
    Soft,
    Hard,
}

impl Flow {
    /// Moves what was written to the end of `out`.
    pub fn drain_into(&mut self, out: &mut String) {
        out.push_str(&self.out);
        self.out.clear();
    }

    /// A flow that goes on where this one is.
    pub fn fork(&self) -> Self {
        Self { out: String::new(), lead: self.lead.clone(), ..*self }
    }

    /// Goes on behind what was written to a [`Flow::fork`] of this one.
    pub fn join(&mut self, fork: Self) {
        let mut out = std::mem::take(&mut self.out);
        out.push_str(&fork.out);
        *self = Self { out, ..fork };
    }

    /// Bytes that were written, and not moved away.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// The character that was written last.
    pub fn last(&self) -> Option<char> {
        self.last
    }

    /// Asks for a new line.
    pub fn line(&mut self) {
        self.ask(Break::Line);
    }

    /// Asks for a new paragraph.
    pub fn paragraph(&mut self) {
        self.ask(Break::Paragraph);
    }

    fn ask(&mut self, wanted: Break) {
        // what was led in, or put into a cell, begins there
        if self.lead.is_none() && !self.cell_begins {
            self.pending = self.pending.max(wanted);
        }
    }

    /// Asks for a new line that begins with `lead`.
    pub fn lead(&mut self, lead: String) {
        self.line();
        self.lead = Some(lead);
    }

    /// Takes back a lead that nothing was written behind.
    pub fn drop_lead(&mut self) {
        self.lead = None;
    }

    /// Begins a row of cells.
    pub fn row(&mut self) {
        self.end_row();
        self.line();
    }

    /// Ends a row of cells.
    pub fn end_row(&mut self) {
        if self.row_begun {
            self.pending = self.pending.min(Break::Line);
        }
        (self.cells, self.separators) = (0, 0);
        (self.cell_begins, self.row_begun) = (false, false);
    }

    /// Begins the next cell of a row.
    pub fn cell(&mut self) {
        if self.cells > 0 {
            self.separators += 1;
            // a row is one line, even if paragraphs end in its cells
            if self.row_begun {
                (self.pending, self.newlines) = (Break::None, 0);
            }
        }
        self.cells += 1;
        self.cell_begins = true;
    }

    /// Asks for a space.
    pub fn soft(&mut self) {
        if self.space == Space::None {
            self.space = Space::Soft;
        }
    }

    /// Writes words. All white space in `text` is spaces between them.
    pub fn text(&mut self, text: &str) {
        for (at, word) in text.split(is_blank).enumerate() {
            if at > 0 {
                self.space = Space::Hard;
            }
            if let Some(first) = word.chars().next() {
                self.open(first);
                self.write(word);
            }
        }
    }

    /// Writes text with its lines and spaces.
    pub fn verbatim(&mut self, text: &str) {
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 && self.last.is_some() {
                self.newlines += 1;
            }
            if let Some(first) = line.chars().next() {
                self.open(first);
                self.write(line);
            }
        }
    }

    fn write(&mut self, text: &str) {
        self.out.push_str(text);
        self.last = text.chars().next_back().or(self.last);
    }

    /// Writes what was asked for before `first`.
    fn open(&mut self, first: char) {
        let mut line_begins = self.last.is_none();
        let newlines = match self.pending {
            Break::None => self.newlines,
            Break::Line => 1,
            Break::Paragraph => 2,
        };
        if newlines > 0 {
            if !line_begins {
                self.out.extend(std::iter::repeat_n('\n', newlines.min(RUN)));
            }
            line_begins = true;
        }
        for _ in 0..self.separators.min(RUN) {
            self.out.push_str(if line_begins { "| " } else { " | " });
            line_begins = false;
            self.space = Space::None;
        }
        if let Some(lead) = self.lead.take() {
            self.out.push_str(&lead);
            line_begins = true;
        }
        let spaced = match self.space {
            Space::None => false,
            Space::Soft => !(is_wide(first) && self.last.is_some_and(is_wide)),
            Space::Hard => true,
        };
        if spaced && !line_begins {
            self.out.push(' ');
        }
        (self.pending, self.newlines, self.separators) = (Break::None, 0, 0);
        (self.space, self.cell_begins) = (Space::None, false);
        self.row_begun = self.cells > 0;
    }
}

/// White space that may be any other white space; no-break spaces are used for layout more than for meaning.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}' | '\u{a0}')
}

/// Chinese and Japanese, which do not put spaces between words.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ff00}'..='\u{ff65}')
}
