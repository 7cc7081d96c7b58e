//! A prompt with places for a text and a question.

/// Why a template cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// There is no place for the text.
    #[error("the prompt has no {{context}}; add it where the text belongs")]
    NoContext,
    /// The text would be read twice.
    #[error("the prompt has {{context}} more than once; leave one")]
    TwoContexts,
    /// A place for something else.
    #[error("the prompt has {{{0}}}, and only {{context}} and {{input}} are known; write {{{{ and }}}} for braces")]
    Unknown(String),
    /// A brace that opens or closes nothing.
    #[error("the prompt has a single brace; write {{{{ and }}}} for braces")]
    SingleBrace,
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// Stays as it is.
    Text(String),
    /// The question stands here.
    Input,
}

/// A prompt in two parts, with the text to read between them. In a template `{context}` is the place of that text and `{input}`
/// that of the question, which may come before it, after it or not at all; `{{` and `}}` are braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptTemplate {
    /// Until the text.
    before: Vec<Piece>,
    /// After the text.
    after: Vec<Piece>,
}

impl PromptTemplate {
    /// Splits a template.
    ///
    /// # Errors
    /// [`TemplateError`]: the text has no place, or two, or there are other places.
    pub fn parse(template: &str) -> Result<Self, TemplateError> {
        let mut before = None;
        let mut pieces = Vec::new();
        let mut rest = template;
        while let Some(at) = rest.find(['{', '}']) {
            let (text, from) = rest.split_at(at);
            pieces.push(Piece::Text(text.to_owned()));
            if from.starts_with("{{") || from.starts_with("}}") {
                pieces.push(Piece::Text(from[..1].to_owned()));
                rest = &from[2..];
                continue;
            }
            let place = from.strip_prefix('{').and_then(|from| from.split_once('}'));
            let (name, next) = place.filter(|(name, _)| !name.contains('{')).ok_or(TemplateError::SingleBrace)?;
            match name {
                "input" => pieces.push(Piece::Input),
                "context" if before.is_none() => before = Some(std::mem::take(&mut pieces)),
                "context" => return Err(TemplateError::TwoContexts),
                other => return Err(TemplateError::Unknown(other.to_owned())),
            }
            rest = next;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self { before: before.ok_or(TemplateError::NoContext)?, after: pieces })
    }

    /// What stands before the text and what stands after it, with the question filled in. Braces in the question are no places.
    pub fn around(&self, input: &str) -> (String, String) {
        (filled(&self.before, input), filled(&self.after, input))
    }
}

/// Pieces with the question in its places.
fn filled(pieces: &[Piece], input: &str) -> String {
    let text = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Input => input.to_owned(),
    };
    pieces.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn around(template: &str, input: &str) -> (String, String) {
        PromptTemplate::parse(template).unwrap().around(input)
    }

    #[test]
    fn the_question_may_stand_anywhere() {
        let pair = |before: &str, after: &str| (before.to_owned(), after.to_owned());
        assert_eq!(around("Read: {context}\nAsked: {input}\nA:", "why?"), pair("Read: ", "\nAsked: why?\nA:"));
        assert_eq!(around("{input}: {context}", "Find x"), pair("Find x: ", ""));
        assert_eq!(around("{input} {context} {input}", "q"), pair("q ", " q"));
        assert_eq!(around("{context}", "q"), pair("", ""));
        assert_eq!(around("{{\"a\": {context}}}}}", "q"), pair("{\"a\": ", "}}"));
    }

    #[test]
    fn what_cannot_be_filled_in_is_told() {
        for (template, error) in [
            ("no place, {input}", TemplateError::NoContext),
            ("{{context}}", TemplateError::NoContext),
            ("{context}{input}{context}", TemplateError::TwoContexts),
            ("{context} {length}", TemplateError::Unknown("length".into())),
            ("{context} {}", TemplateError::Unknown(String::new())),
            ("{context} {input", TemplateError::SingleBrace),
            ("} {context}", TemplateError::SingleBrace),
            ("{ {context}", TemplateError::SingleBrace),
        ] {
            assert_eq!(PromptTemplate::parse(template), Err(error), "{template}");
        }
        let words = TemplateError::Unknown("length".into()).to_string();
        assert_eq!(
            words,
            "the prompt has {length}, and only {context} and {input} are known; write {{ and }} for braces"
        );
    }

    proptest! {
        #[test]
        fn texts_come_out_as_they_are(a in "[a-z {}]{0,9}", b in "[a-z {}]{0,9}", c in "[a-z {}]{0,9}", input in "[a-z{}]{0,9}|\\{context\\}") {
            let escaped = |text: &str| text.replace('{', "{{").replace('}', "}}");
            let template = format!("{}{{context}}{}{{input}}{}", escaped(&a), escaped(&b), escaped(&c));
            prop_assert_eq!(around(&template, &input), (a, format!("{b}{input}{c}")));
        }
    }
}
