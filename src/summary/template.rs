//! Chat templates: what stands around a document so that a model takes it as a request.
//!
//! A chat is rendered whose user message has a placeholder in the document's place, and the result is split there. So
//! the document itself never passes through a template. llama.cpp's list of known templates is asked first; a template
//! that it does not know, or garbles, or that can turn thinking off, is run as Jinja. A model without a template gets a plain prompt.

use minijinja::{Environment, Error, ErrorKind, context};

use crate::llama::{Model, apply_known_template};

use super::prompts::STEPS;

/// Stands for the document. Letters only, so that no template quotes, trims or splits it.
const PLACEHOLDER: &str = "EdgeinfDocumentPlaceholderQxzvkw";

/// Ends the prompt of a model without a chat template.
const PLAIN_CUE: &str = "\nSummary:\n";

/// What `strftime_now` is told to be today, a Wednesday: the same input gives the same bytes on any day.
const TODAY: [(&str, &str); 12] = [
    ("%-d", "1"),
    ("%d", "01"),
    ("%m", "01"),
    ("%Y", "2025"),
    ("%y", "25"),
    ("%b", "Jan"),
    ("%B", "January"),
    ("%a", "Wed"),
    ("%A", "Wednesday"),
    ("%H", "00"),
    ("%M", "00"),
    ("%S", "00"),
];

/// The chat format of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatTemplate {
    /// `None` for a model without a template.
    source: Option<String>,
    /// Name of the token that begins a sequence; empty if there is none.
    bos_text: String,
    eos_text: String,
    /// Whether the model wants its first token to be the one named by `bos_text`.
    wants_bos: bool,
}

/// The text around a document. Both parts are to be tokenized with special tokens recognized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedPrompt {
    /// Before the document.
    pub prefix: String,
    /// After the document, up to where the answer begins.
    pub suffix: String,
    /// Whether the token that begins a sequence is to be put before `prefix`: the model wants it, and `prefix` does not
    /// begin with its name.
    pub add_bos: bool,
}

/// Why a chat template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// It is no valid Jinja, or stopped with an error of its own.
    #[error("the model's chat template fails: {reason}; try another model")]
    Failed {
        /// What the template engine said.
        reason: String,
    },
    /// The user's message is not in its output, or there more than once.
    #[error("the model's chat template gives the user's text {count} times instead of once; try another model")]
    Placeholder {
        /// How often it is there.
        count: usize,
    },
    /// Instructions got lost on the way.
    #[error("the model's chat template leaves out a part of the instructions; try another model")]
    Instructions,
}

impl ChatTemplate {
    /// The template that a model brings along.
    pub fn from_model(model: &Model) -> Self {
        let vocab = model.vocab();
        Self {
            source: model.metadata("tokenizer.chat_template").filter(|source| !source.trim().is_empty()),
            bos_text: vocab.special_text(false),
            eos_text: vocab.special_text(true),
            wants_bos: vocab.bos().is_some(),
        }
    }

    /// Renders a request: an optional system message, and a user message that has `before`, the document and `after`.
    /// A template without a place for the system message gets it at the start of the user's.
    ///
    /// # Errors
    /// [`TemplateError`] if neither llama.cpp nor Jinja makes a usable prompt.
    pub fn render_split(
        &self,
        system: Option<&str>,
        before: &str,
        after: &str,
    ) -> Result<RenderedPrompt, TemplateError> {
        let system = system.filter(|text| !text.trim().is_empty());
        let merged_before = system.map_or_else(|| before.to_owned(), |system| format!("{system}\n\n{before}"));
        let Some(source) = &self.source else {
            return Ok(self.prompt(merged_before, format!("{after}{PLAIN_CUE}")));
        };
        let parts = [system.unwrap_or_default(), before, after];
        let user = format!("{before}{PLACEHOLDER}{after}");
        let merged = format!("{merged_before}{PLACEHOLDER}{after}");
        let mut chats = vec![vec![("user", merged.as_str())]];
        if let Some(system) = system {
            chats.insert(0, vec![("system", system), ("user", user.as_str())]);
        }
        // llama.cpp's form of these templates lets the model think aloud first, which would be taken for the summary
        let thinks = source.contains("enable_thinking");
        for chat in chats.iter().filter(|_| !thinks) {
            if let Some(Ok(prompt)) = apply_known_template(source, chat).map(|text| self.split(&text, parts)) {
                return Ok(prompt);
            }
        }
        let mut failure = TemplateError::Instructions;
        for chat in &chats {
            match self.run_jinja(source, chat).and_then(|text| self.split(&text, parts)) {
                Ok(prompt) => return Ok(prompt),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Splits rendered text at the document's place. All `parts` of the instructions must be in it.
    fn split(&self, text: &str, parts: [&str; 3]) -> Result<RenderedPrompt, TemplateError> {
        let fail = || TemplateError::Placeholder { count: text.matches(PLACEHOLDER).count() };
        let (prefix, suffix) = text.split_once(PLACEHOLDER).ok_or_else(fail)?;
        if suffix.contains(PLACEHOLDER) {
            return Err(fail());
        }
        let [system, before, after] = parts.map(str::trim);
        if !prefix.contains(system) || !prefix.contains(before) || !suffix.contains(after) {
            return Err(TemplateError::Instructions);
        }
        Ok(self.prompt(prefix.into(), suffix.into()))
    }

    fn prompt(&self, prefix: String, suffix: String) -> RenderedPrompt {
        let has_bos = !self.bos_text.is_empty() && prefix.starts_with(&self.bos_text);
        RenderedPrompt { prefix, suffix, add_bos: self.wants_bos && !has_bos }
    }

    fn run_jinja(&self, source: &str, chat: &[(&str, &str)]) -> Result<String, TemplateError> {
        let mut environment = Environment::new();
        // a file may come from anywhere
        environment.set_fuel(Some(STEPS));
        // as the templates' authors have it
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: String| -> Result<String, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_function("strftime_now", |format: String| strftime(&format));
        let messages: Vec<_> = chat.iter().map(|&(role, content)| context!(role, content)).collect();
        let values = context! {
            messages,
            add_generation_prompt => true,
            // a summary is wanted, not thoughts about it
            enable_thinking => false,
            bos_token => self.bos_text,
            eos_token => self.eos_text,
        };
        let rendered = environment.template_from_str(source).and_then(|template| template.render(values));
        rendered.map_err(|error| {
            let reason = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            TemplateError::Failed { reason: reason.chars().filter(|c| !c.is_control()).take(200).collect() }
        })
    }
}

/// [`TODAY`] in the format of C's `strftime`; what is not known there stays as it is.
fn strftime(format: &str) -> String {
    TODAY.iter().fold(format.to_owned(), |date, (field, text)| date.replace(field, text))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::llama::{Backend, ModelParams};
    use crate::models::{Cache, Catalogue, PullOptions, pull};

    const CHATML: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}
        {%- if add_generation_prompt %}\n<|im_start|>assistant\n{% endif %}";
    const LLAMA_3: &str =
        "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' ~ m.role ~ '<|end_header_id|>' }}

{{ m.content | trim }}<|eot_id|>{% endfor %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}";
    const GEMMA: &str = "{{ bos_token }}{% for m in messages %}
        {%- if m.role == 'system' %}{{ raise_exception('no system here') }}{% endif %}
        {{- '<start_of_turn>' + m['content'].strip() + '<end_of_turn>' }}{% endfor %}{{ '<start_of_turn>model\n' }}";
    const MISTRAL: &str = "{{ bos_token }}{% set rest = messages if messages[0].role == 'user' else messages[1:] %}
        {%- for m in rest %}[INST] {{ m.content }} [/INST]{% endfor %}";
    const PHI: &str =
        "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}{{ '<|assistant|>\n' }}";

    fn template(source: &str) -> ChatTemplate {
        let [bos_text, eos_text] = ["<s>", "</s>"].map(String::from);
        ChatTemplate { source: Some(source.into()), bos_text, eos_text, wants_bos: true }
    }

    fn render(source: &str, system: Option<&str>) -> Result<RenderedPrompt, TemplateError> {
        template(source).render_split(system, "Read this:\n", "\nSum it up. ")
    }

    fn jinja(source: &str, chat: &[(&str, &str)]) -> String {
        template(source).run_jinja(source, chat).unwrap()
    }

    #[test]
    fn a_template_cannot_run_without_an_end() {
        let endless = "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}";
        assert!(template(endless).run_jinja(endless, &[("user", "Read.")]).unwrap_err().to_string().contains("fuel"));
    }

    #[test]
    fn known_templates_are_llama_cpps() {
        let prompt = render(CHATML, Some("Be brief.")).unwrap();
        assert_eq!(prompt.prefix, "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nRead this:\n");
        assert_eq!(prompt.suffix, "\nSum it up. <|im_end|>\n<|im_start|>assistant\n");
        assert!(prompt.add_bos);
        for source in [LLAMA_3, GEMMA, MISTRAL, PHI] {
            let prompt = render(source, Some("Be brief.")).unwrap();
            assert!(prompt.prefix.contains("Be brief.") && prompt.prefix.ends_with("Read this:\n"), "{source}");
            assert!(prompt.suffix.starts_with("\nSum it up."), "{source}");
            assert!(render(source, None).unwrap().prefix.len() < prompt.prefix.len(), "{source}");
        }
        // not even valid Jinja, but the name is known
        assert!(render("{% <|im_start|>", None).is_ok());
    }

    #[test]
    fn jinja_gives_what_the_template_says() {
        let chat = [("system", "Be brief. "), ("user", "Hi")];
        assert_eq!(
            jinja(CHATML, &chat),
            "<|im_start|>system\nBe brief. <|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
        );
        let head = |role| format!("<|start_header_id|>{role}<|end_header_id|>\n\n");
        let expected =
            format!("<s>{}Be brief.<|eot_id|>{}Hi<|eot_id|>{}", head("system"), head("user"), head("assistant"));
        assert_eq!(jinja(LLAMA_3, &chat), expected);
        assert_eq!(jinja(GEMMA, &chat[1..]), "<s><start_of_turn>Hi<end_of_turn><start_of_turn>model\n");
        assert_eq!(jinja(MISTRAL, &chat), "<s>[INST] Hi [/INST]");
        assert_eq!(jinja(PHI, &chat[1..]), "<|user|>\nHi<|end|>\n<|assistant|>\n");
        assert_eq!(jinja("{{ strftime_now('%d %b %Y, %-d %q %') }}", &chat), "01 Jan 2025, 1 %q %");
    }

    #[test]
    fn a_begin_token_is_not_given_twice() {
        let source = "{{ bos_token }}{% for m in messages %}({{ m.role }}) {{ m.content }}{% endfor %} (model)";
        let prompt = render(source, None).unwrap();
        assert_eq!((prompt.prefix.as_str(), prompt.add_bos), ("<s>(user) Read this:\n", false));
        let without = render(&source.replace("{{ bos_token }}", ""), None).unwrap();
        assert_eq!((without.prefix.as_str(), without.add_bos), ("(user) Read this:\n", true));
    }

    #[test]
    fn a_system_message_finds_its_place() {
        let refuses = "{% for m in messages %}{% if m.role != 'user' %}{{ raise_exception('no') }}{% endif %}
            {{- m.content.strip() }}{% endfor %} (model)";
        let drops = "{{ messages[-1].content }} (model)";
        for source in [refuses, drops] {
            let prompt = render(source, Some("Be brief.")).unwrap();
            assert_eq!(prompt.prefix, "Be brief.\n\nRead this:\n", "{source}");
        }
        let without = render(drops, Some(" ")).unwrap();
        assert_eq!((without.prefix.as_str(), without.suffix.as_str()), ("Read this:\n", "\nSum it up.  (model)"));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let failure = |source: &str| render(source, Some("Be brief.")).unwrap_err().to_string();
        assert!(failure("{{ messages[1].content }}{{ messages[0].content }}").contains("fails"));
        assert!(failure("{{ messages[-1].content }}{{ messages[-1].content }}").contains("2 times"));
        assert!(failure("Hello").contains("0 times"));
        assert!(failure("{{ messages[-1].content | upper }}").contains("0 times"));
        assert!(failure("{{ messages[-1].content[-50:] }}").contains("leaves out"));
        assert!(failure("{% if %}").contains("template fails: syntax error"));
        assert!(!failure("{{ raise_exception('a\\n\u{1b}b') }}").contains(char::is_control));
    }

    #[test]
    fn without_a_template_the_prompt_is_plain() {
        let plain = ChatTemplate { source: None, ..template("") };
        let prompt = plain.render_split(Some("Be brief."), "Read this:\n", "\nSum it up.").unwrap();
        assert_eq!(prompt.prefix, "Be brief.\n\nRead this:\n");
        assert_eq!(prompt.suffix, "\nSum it up.\nSummary:\n");
        assert!(prompt.add_bos);
    }

    fn of_model(name: &str) -> ChatTemplate {
        let (cache, never) = (Cache::from_env().unwrap(), AtomicBool::new(false));
        let catalogue = Catalogue::builtin().unwrap();
        let options = PullOptions::new(&cache, &never);
        let path: PathBuf = pull(catalogue.get(name).unwrap(), &options, &mut |_| {}).unwrap();
        let model = Model::load(Backend::init().unwrap(), &path, ModelParams::default()).unwrap();
        ChatTemplate::from_model(&model)
    }

    #[test]
    fn templates_of_real_models() {
        let mut chatml = vec!["smollm2-135m"];
        if std::env::var("EDGEINF_TEST_MODELS").is_ok_and(|v| v == "all") {
            chatml.push("qwen2.5-coder-0.5b");
            let gemma = of_model("gemma3-270m");
            assert_eq!((gemma.source.as_deref(), gemma.bos_text.as_str(), gemma.wants_bos), (None, "<bos>", true));
        }
        for name in chatml {
            let of_model = of_model(name);
            let prompt = of_model.render_split(Some("Be brief."), "Read this:\n", "\nSum it up. ").unwrap();
            assert!(!prompt.add_bos, "{name}");
            let known = render(CHATML, Some("Be brief.")).unwrap();
            assert_eq!((&prompt.prefix, &prompt.suffix), (&known.prefix, &known.suffix), "{name}");
            // its own Jinja says the same
            let source = of_model.source.as_deref().unwrap();
            let user = format!("Read this:\n{PLACEHOLDER}\nSum it up. ");
            let text = of_model.run_jinja(source, &[("system", "Be brief."), ("user", &user)]).unwrap();
            assert_eq!(text, format!("{}{PLACEHOLDER}{}", known.prefix, known.suffix), "{name}");
        }
    }
}
