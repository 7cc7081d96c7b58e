//! What the environment says about the way to a server: a proxy, and whose certificates to trust.

use ureq::tls::{Certificate, RootCerts};
use ureq::{Proxy, ProxyBuilder};

use super::request::Failure;

/// In the order in which they count.
const PROXY: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// The proxy for https servers: `HTTPS_PROXY`, else `ALL_PROXY`, except for the hosts of `NO_PROXY`.
pub(super) fn proxy(var: impl Fn(&str) -> Option<String>) -> Result<Option<Proxy>, Failure> {
    let var = |name| var(name).filter(|value| !value.trim().is_empty());
    let Some((name, address)) = PROXY.into_iter().find_map(|name| Some((name, var(name)?))) else {
        return Ok(None);
    };
    let build = || {
        let given = Proxy::new(address.trim())?;
        let mut proxy = Proxy::builder(given.protocol()).host(given.host()).port(given.port());
        if let Some(user) = given.username() {
            proxy = proxy.username(user);
        }
        if let Some(password) = given.password() {
            proxy = proxy.password(password);
        }
        let exempt = var("no_proxy").or_else(|| var("NO_PROXY")).unwrap_or_default();
        exempt.split(',').map(str::trim).filter(|host| !host.is_empty()).fold(proxy, without).build()
    };
    build().map(Some).map_err(|_: ureq::Error| Failure::Proxy(name))
}

/// Exempts `host` and what is below it, as other programs understand `NO_PROXY`.
fn without(proxy: ProxyBuilder, host: &str) -> ProxyBuilder {
    let bare = host.trim_start_matches("*.").trim_start_matches('.');
    proxy.no_proxy(bare).no_proxy(&format!(".{bare}"))
}

/// The certificates of `SSL_CERT_FILE` and `SSL_CERT_DIR`, else the system's, else those of Mozilla that this program
/// brings along.
pub(super) fn roots() -> Result<RootCerts, Failure> {
    let found = rustls_native_certs::load_native_certs();
    let own = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().find(|name| std::env::var_os(name).is_some());
    match (found.certs.is_empty(), own) {
        (false, _) => Ok(found.certs.iter().map(|der| Certificate::from_der(der).to_owned()).into()),
        (true, None) => Ok(RootCerts::WebPki),
        (true, Some(name)) => Err(Failure::Other(format!("{name} names no readable certificate"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_of(vars: &[(&str, &str)]) -> Result<Option<Proxy>, Failure> {
        proxy(|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    fn address(vars: &[(&str, &str)]) -> Option<String> {
        let proxy = proxy_of(vars).unwrap()?;
        Some(format!("{:?} {} {}", proxy.protocol(), proxy.host(), proxy.port()))
    }

    #[test]
    fn the_most_particular_variable_names_the_proxy() {
        let at = |name: &str| format!("Http {name} 3128");
        let (https, all) = (("HTTPS_PROXY", "http://h:3128"), ("ALL_PROXY", "http://a:3128"));
        assert_eq!(address(&[all, https]), Some(at("h")));
        assert_eq!(address(&[all, ("HTTPS_PROXY", " ")]), Some(at("a")));
        assert_eq!(address(&[https, ("https_proxy", "l:3128")]), Some(at("l")));
        assert_eq!(address(&[("all_proxy", "socks5://s")]), Some("Socks5 s 1080".into()));
        assert_eq!(address(&[("HTTP_PROXY", "http://h:3128")]), None);
        assert_eq!(address(&[]), None);
    }

    #[test]
    fn credentials_reach_the_proxy_and_no_message() {
        let proxy = proxy_of(&[("HTTPS_PROXY", "http://me:p%40ss@h:1")]).unwrap().unwrap();
        assert_eq!((proxy.username(), proxy.password()), (Some("me"), Some("p@ss")));
        let failure = proxy_of(&[("HTTPS_PROXY", "gopher://me:secret@h")]).unwrap_err();
        assert_eq!(failure, Failure::Proxy("HTTPS_PROXY"));
    }

    #[test]
    fn exempt_hosts_are_those_and_all_below() {
        let exempts = |list: &str, host: &str| {
            let proxy = proxy_of(&[("HTTPS_PROXY", "http://h:1"), ("NO_PROXY", list)]).unwrap().unwrap();
            proxy.is_no_proxy(&format!("https://{host}/").parse().unwrap())
        };
        for list in ["b.example", ".b.example", "*.b.example", "x, b.example ,y"] {
            assert!(exempts(list, "b.example") && exempts(list, "a.b.example"), "{list}");
            assert!(!exempts(list, "ab.example"), "{list}");
        }
        assert!(exempts("*", "any.example"));
        assert!(!exempts("", "b.example"));
    }
}
