//! The chat templates that llama.cpp knows.

use std::ffi::CString;

use llama_cpp_sys_2 as sys;

/// Formats a chat of (role, content) up to where the model's answer begins, if llama.cpp recognizes `template`.
///
/// Nothing is also the answer to texts with NUL characters.
pub fn apply_known_template(template: &str, messages: &[(&str, &str)]) -> Option<String> {
    let c_string = |text: &str| CString::new(text).ok();
    let template = c_string(template)?;
    let texts: Vec<(CString, CString)> =
        messages.iter().map(|&(role, content)| Some((c_string(role)?, c_string(content)?))).collect::<Option<_>>()?;
    let chat: Vec<sys::llama_chat_message> = texts
        .iter()
        .map(|(role, content)| sys::llama_chat_message { role: role.as_ptr(), content: content.as_ptr() })
        .collect();
    let apply = |buffer: &mut [u8]| {
        let length = i32::try_from(buffer.len()).ok()?;
        // SAFETY: all strings end with NUL and outlive the call; the buffer is valid for the length given.
        let n = unsafe {
            sys::llama_chat_apply_template(
                template.as_ptr(),
                chat.as_ptr(),
                chat.len(),
                true,
                buffer.as_mut_ptr().cast(),
                length,
            )
        };
        usize::try_from(n).ok()
    };
    // without room for any text the call tells only the length
    let length = apply(&mut [])?;
    let mut buffer = vec![0; length];
    apply(&mut buffer)?;
    String::from_utf8(buffer).ok()
}
