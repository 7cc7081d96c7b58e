//! How the answers of each dataset are asked for and scored.

/// How an answer is scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// F1 over the words of a short answer.
    Answer,
    /// ROUGE-L.
    Summary,
    /// The right one of several classes is named.
    Classification,
    /// The right paragraph is named.
    Retrieval,
    /// The right number is named.
    Count,
    /// Similarity of one line of code.
    Code,
}

/// A dataset of the benchmark, as it is asked and scored.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Task {
    /// The dataset's name, without the `_e` of LongBench-E.
    pub name: &'static str,
    /// How an answer is scored.
    pub family: Family,
    /// Whether the prompt is put into the model's chat template. LongBench leaves it out where the prompt is to be carried on:
    /// after examples, and in code.
    pub chat: bool,
    /// Whether only the first line of an answer counts: after examples a model goes on with an example of its own.
    pub first_line: bool,
}

/// A task that is a question or an instruction.
const fn asked(name: &'static str, family: Family) -> Task {
    Task { name, family, chat: true, first_line: false }
}

/// A task that begins with examples.
const fn shown(name: &'static str, family: Family) -> Task {
    Task { name, family, chat: false, first_line: true }
}

/// A task that is a piece of code without its end.
const fn begun(name: &'static str) -> Task {
    Task { name, family: Family::Code, chat: false, first_line: false }
}

/// The English and code tasks. The original also leaves the template out, and takes the first line, for the Chinese `lsht`.
static TASKS: [Task; 16] = [
    asked("narrativeqa", Family::Answer),
    asked("qasper", Family::Answer),
    asked("multifieldqa_en", Family::Answer),
    asked("hotpotqa", Family::Answer),
    asked("2wikimqa", Family::Answer),
    asked("musique", Family::Answer),
    asked("gov_report", Family::Summary),
    asked("qmsum", Family::Summary),
    asked("multi_news", Family::Summary),
    shown("trec", Family::Classification),
    shown("triviaqa", Family::Answer),
    shown("samsum", Family::Summary),
    asked("passage_count", Family::Count),
    asked("passage_retrieval_en", Family::Retrieval),
    begun("lcc"),
    begun("repobench-p"),
];

impl Task {
    /// The task of a dataset, with or without `_e` at the end of its name; `None` for datasets that are not read here.
    pub fn of(dataset: &str) -> Option<&'static Self> {
        let name = dataset.strip_suffix("_e").unwrap_or(dataset);
        TASKS.iter().find(|task| task.name == name)
    }

    /// What counts of a prediction.
    pub fn counted<'a>(&self, prediction: &'a str) -> &'a str {
        if !self.first_line {
            return prediction;
        }
        prediction.trim_start_matches('\n').split('\n').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_name_are_the_same_task() {
        for task in &TASKS {
            assert_eq!(Task::of(task.name), Some(task));
            assert_eq!(Task::of(&format!("{}_e", task.name)), Some(task));
        }
        for other in
            ["lsht", "dureader", "multifieldqa_zh", "passage_retrieval_zh", "vcsum", "nq", "", "_e", "trec_e_e"]
        {
            assert_eq!(Task::of(other), None, "{other}");
        }
    }

    #[test]
    fn a_template_and_all_lines_are_for_questions() {
        let names = |choose: fn(&Task) -> bool| TASKS.iter().filter(|t| choose(t)).map(|t| t.name).collect::<Vec<_>>();
        assert_eq!(names(|t| !t.chat), ["trec", "triviaqa", "samsum", "lcc", "repobench-p"]);
        assert_eq!(names(|t| t.first_line), ["trec", "triviaqa", "samsum"]);
    }

    #[test]
    fn leading_line_ends_are_no_line() {
        let counted = |name: &str, text| Task::of(name).unwrap().counted(text);
        assert_eq!(counted("trec", "\n\nFood\nQuestion: x"), "Food");
        assert_eq!(counted("trec", "\n"), "");
        assert_eq!(counted("qasper", "\nyes\nno"), "\nyes\nno");
    }
}
