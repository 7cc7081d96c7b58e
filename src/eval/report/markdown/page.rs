//! Markdown as it grows, with the plots that it shows.

use crate::eval::report::Report;
use crate::eval::report::plots::Plot;

/// A text and its plots.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
    plots: Vec<(String, String)>,
}

impl Page {
    /// Begins a section.
    pub fn heading(&mut self, level: usize, title: &str) {
        self.block(&format!("{} {title}", "#".repeat(level)));
    }

    /// Some sentences.
    pub fn paragraph(&mut self, text: &str) {
        self.block(text);
    }

    /// A list; nothing if it has no items.
    pub fn list(&mut self, items: &[String]) {
        if !items.is_empty() {
            self.block(&items.iter().map(|item| format!("- {item}")).collect::<Vec<_>>().join("\n"));
        }
    }

    /// A table; the first `n_left` columns are text, the others figures.
    pub fn table(&mut self, titles: &[String], n_left: usize, rows: &[Vec<String>]) {
        let rule = (0..titles.len()).map(|i| if i < n_left { "---" } else { "---:" }.to_owned()).collect::<Vec<_>>();
        let lines: Vec<String> = [titles, &rule].into_iter().chain(rows.iter().map(Vec::as_slice)).map(line).collect();
        self.block(&lines.join("\n"));
    }

    /// Shows a plot. Its file has the name of the plot, with a number where that is taken.
    pub fn plot(&mut self, plot: Plot) {
        let taken = |name: &str| self.plots.iter().any(|(other, _)| other == name);
        let mut name = format!("{}.svg", plot.name);
        let mut n = 2;
        while taken(&name) {
            name = format!("{}-{n}.svg", plot.name);
            n += 1;
        }
        self.block(&format!("![{}]({name})", plot.title.replace(['[', ']'], "")));
        self.plots.push((name, plot.svg));
    }

    /// What it became.
    pub fn finish(self) -> Report {
        Report { markdown: self.text, plots: self.plots }
    }

    /// Blocks are separated by empty lines.
    fn block(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
        self.text.push('\n');
    }
}

/// A line of a table. A bar inside a cell would end it.
fn line(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
    format!("| {} |", cells.join(" | "))
}
