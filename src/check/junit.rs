//! The report as JUnit XML, which most CI services show.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{CaseResult, CheckError, Report};

impl Report {
    /// The form for CI services.
    ///
    /// # Errors
    /// [`CheckError::Report`].
    pub fn to_junit(&self) -> Result<String, CheckError> {
        let mut bytes = Vec::new();
        self.write_junit(&mut bytes).map_err(CheckError::Report)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn write_junit(&self, bytes: &mut Vec<u8>) -> io::Result<()> {
        let mut writer = Writer::new_with_indent(&mut *bytes, b' ', 2);
        writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let (tests, failures) = (self.cases.len().to_string(), self.failed.to_string());
        let (time, file) = (seconds(self.seconds), allowed(&self.file));
        let counts = [("tests", &*tests), ("failures", &*failures), ("errors", "0"), ("time", &*time)];
        writer.create_element("testsuites").with_attributes(counts).write_inner_content(|writer| {
            let suite = writer.create_element("testsuite").with_attribute(("name", &*file)).with_attributes(counts);
            suite.write_inner_content(|writer| self.cases.iter().try_for_each(|case| write_case(writer, case)))?;
            Ok(())
        })?;
        bytes.push(b'\n');
        Ok(())
    }
}

fn write_case(writer: &mut Writer<&mut Vec<u8>>, case: &CaseResult) -> io::Result<()> {
    let (name, time) = (allowed(&case.name), seconds(case.seconds));
    let attributes = [("classname", "edgeinf.check"), ("name", &*name), ("time", &*time)];
    writer.create_element("testcase").with_attributes(attributes).write_inner_content(|writer| {
        if let Some(first) = case.failures.first() {
            let failure = writer.create_element("failure").with_attribute(("message", &*allowed(first)));
            failure.write_text_content(BytesText::new(&allowed(&case.failures.join("\n"))))?;
        }
        for (element, text) in
            [("system-out", case.seen.as_ref().map(|seen| &seen.summary)), ("system-err", case.error.as_ref())]
        {
            if let Some(text) = text {
                writer.create_element(element).write_text_content(BytesText::new(&allowed(text)))?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.3}")
}

/// XML 1.0 has no way to write most control characters.
fn allowed(text: &str) -> String {
    let fine = |c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    text.chars().map(|c| if fine(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::observed::{SeenInput, SeenMemory};
    use super::super::{Document, Seen};
    use super::*;
    use proptest::prelude::*;
    use quick_xml::Reader;

    fn case(name: &str, summary: &str, failures: &[&str]) -> CaseResult {
        CaseResult {
            name: name.into(),
            passed: failures.is_empty(),
            failures: failures.iter().map(|&f| f.to_owned()).collect(),
            document: Document::File("a.txt".into()),
            arguments: vec![],
            exit_code: Some(0),
            seconds: 1.5,
            facts: None,
            error: None,
            seen: Some(Seen {
                summary: summary.into(),
                complete: true,
                incomplete_reason: None,
                policy: "full".into(),
                input: SeenInput { tokens: 1, tokens_read: 1 },
                memory: SeenMemory { peak_rss_bytes: None },
            }),
            statistics: None,
        }
    }

    /// All attribute values and texts, unescaped; fails if the document is not well-formed.
    fn read(xml: &str) -> Vec<String> {
        let mut reader = Reader::from_str(xml);
        let mut values = Vec::new();
        let mut depth = 0;
        let mut text = String::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) => {
                    depth += 1;
                    text.clear();
                    for attribute in start.attributes() {
                        let raw = attribute.unwrap().value.into_owned();
                        values.push(quick_xml::escape::unescape(&raw).unwrap().into_owned());
                    }
                }
                Event::End(_) => {
                    depth -= 1;
                    values.push(std::mem::take(&mut text));
                }
                Event::Text(part) => text += &part,
                Event::GeneralRef(name) => {
                    text += &quick_xml::escape::unescape(&format!("&{};", &*name)).unwrap();
                }
                Event::Eof => break,
                Event::Decl(_) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(depth, 0);
        values
    }

    #[test]
    fn the_form_is_what_ci_services_read() {
        let mut crashed = case("crash", "", &["ended by signal SIGKILL, expected exit code 0", "second"]);
        crashed.seen = None;
        crashed.error = Some("llama.cpp stopped".into());
        let report = Report::new("c.toml".into(), vec![case("a <b> & \"c\"", "Fish & chips.", &[]), crashed]);
        let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="2" failures="1" errors="0" time="3.000">
  <testsuite name="c.toml" tests="2" failures="1" errors="0" time="3.000">
    <testcase classname="edgeinf.check" name="a &lt;b&gt; &amp; &quot;c&quot;" time="1.500">
      <system-out>Fish &amp; chips.</system-out>
    </testcase>
    <testcase classname="edgeinf.check" name="crash" time="1.500">
      <failure message="ended by signal SIGKILL, expected exit code 0">ended by signal SIGKILL, expected exit code 0
second</failure>
      <system-err>llama.cpp stopped</system-err>
    </testcase>
  </testsuite>
</testsuites>
"#;
        assert_eq!(report.to_junit().unwrap(), expected);
    }

    proptest! {
        #[test]
        fn whatever_a_model_writes_is_well_formed(summary in any::<String>(), failure in any::<String>()) {
            let report = Report::new("c.toml".into(), vec![case("a", &summary, &[&failure])]);
            let values = read(&report.to_junit().unwrap());
            prop_assert!(values.contains(&allowed(&summary)) || summary.is_empty() || summary.contains('\r'));
            prop_assert!(values.contains(&allowed(&failure)) || failure.contains(['\n', '\r', '\t']));
        }
    }
}
