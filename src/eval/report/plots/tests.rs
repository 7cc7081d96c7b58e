//! What the drawings have in them.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::eval::report::tests::{answers, fidelity, lengths, needles, report_of};

/// Texts of a drawing, and how many of its elements have a fill and are shapes of points.
struct Drawing {
    texts: Vec<String>,
    shapes: Vec<(String, String)>,
}

impl Drawing {
    /// Reads the plot whose name begins so; it must be XML, and have no link to anything.
    fn of(lines: &[String], name: &str) -> Self {
        let report = report_of(lines);
        let (_, svg) = report.plots.iter().find(|(file, _)| file.starts_with(name)).expect(name);
        let mut reader = Reader::from_str(svg);
        let (mut texts, mut shapes, mut text) = (Vec::new(), Vec::new(), None);
        loop {
            match reader.read_event().unwrap() {
                Event::Eof => break,
                Event::Start(tag) if tag.name().as_ref() == "text" => text = Some(String::new()),
                Event::Text(found) => {
                    if let Some(text) = &mut text {
                        text.push_str(&found);
                    }
                }
                Event::End(_) => texts.extend(text.take().map(|text| text.trim().to_owned())),
                Event::Empty(tag) => {
                    let fill = tag.attributes().map(Result::unwrap).find(|a| a.key.as_ref() == "fill");
                    let fill = fill.map(|a| a.value.into_owned()).unwrap_or_default();
                    shapes.push((tag.name().as_ref().to_owned(), fill));
                }
                _ => {}
            }
        }
        assert!(!svg.contains("href") && !svg.contains("@font-face"));
        assert_eq!(shapes[0], ("rect".into(), "#FFFFFF".into()), "the paper is white");
        Self { texts, shapes }
    }

    fn count(&self, name: &str, fill: &str) -> usize {
        self.shapes.iter().filter(|shape| (shape.0.as_str(), shape.1.as_str()) == (name, fill)).count()
    }

    fn has(&self, texts: &[&str]) {
        texts.iter().for_each(|text| assert!(self.texts.iter().any(|t| t == text), "{text}: {:?}", self.texts));
    }
}

#[test]
fn each_budget_of_a_policy_is_a_point() {
    let drawing = Drawing::of(&answers(), "specific-by-budget-m");
    drawing.has(&["specific gain (nats per token)", "bytes that survive a compaction", "16.0 MiB"]);
    drawing.has(&["full", "streaming", "snapkv", "bars: 95 % of the bootstrap"]);
    // one more is in the legend
    assert_eq!(drawing.count("polygon", "#000000"), 1 + 1);
    assert_eq!(drawing.count("polygon", "#0072B2"), 2 + 1);
    assert_eq!(drawing.count("polygon", "#E69F00"), 2 + 1);
}

#[test]
fn each_stretch_of_a_text_is_a_point() {
    let drawing = Drawing::of(&fidelity(), "kl-by-position-m-01234567-11.3-mib");
    drawing.has(&["position in the text (tokens)", "KL(full || policy) (nats per token)"]);
    drawing.has(&["streaming, window 512, retained 0", "snapkv, window 256, retained 256"]);
    assert_eq!(drawing.count("polygon", "#0072B2"), 2 + 1);
    assert_eq!(drawing.count("polygon", "#E69F00"), 2 + 1);
    let drawing = Drawing::of(&fidelity(), "kl-by-budget-m");
    drawing.has(&["bytes that survive a compaction", "16.0 MiB"]);
    assert_eq!(drawing.count("polygon", "#0072B2"), 2 + 1);
}

#[test]
fn each_field_has_its_share() {
    let drawing = Drawing::of(&needles(), "needle-m");
    drawing.has(&["full", "streaming, 10.0 MiB", "snapkv, 10.0 MiB", "2000", "8K", "30-40 %", "1/1", "0/1"]);
    drawing.has(&["length of the document (tokens)", "place of the fact", "right answers"]);
    let completed = Drawing::of(&needles(), "needle-completed-m");
    completed.has(&["Share of begun sentences completed rightly: m (01234567)", "1/1", "0/1"]);
    // three policies, two lengths, six places
    assert_eq!(drawing.texts.iter().filter(|text| text.ends_with("/1")).count(), 36);
    // and one in the legend
    assert_eq!(drawing.count("rect", "#08306B"), 2 * (6 + 1 + 4) + 1);
}

#[test]
fn what_was_not_measured_is_hollow() {
    for (name, label, tick) in [
        ("ttft-by-length-m", "time to the first token (s)", "10.0"),
        ("peak-memory-by-length-m", "largest resident set", "256 MiB"),
    ] {
        let drawing = Drawing::of(&lengths(), name);
        drawing.has(&["length of the text (tokens)", label, tick, "8K", "full", "streaming"]);
        assert_eq!(drawing.count("polygon", "#000000"), 4 + 1);
        assert_eq!(drawing.count("polygon", "#0072B2"), 4 + 1);
        assert_eq!(drawing.count("polygon", "#FFFFFF"), 2);
    }
}

#[test]
fn names_of_models_are_text_and_no_tags() {
    let lines: Vec<String> = lengths().iter().map(|line| line.replace("\"m\"", "\"<b>&m\"")).collect();
    let report = report_of(&lines);
    assert!(report.plots.iter().all(|(name, svg)| name.ends_with("-b-m.svg") && svg.contains("&lt;b&gt;&amp;m")));
}
