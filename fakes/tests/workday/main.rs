//! The fake tenant behaves as the vendor's facts say.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests"
)]

mod acts;
mod limits;
mod oauth;
mod raas;
mod rest;
mod soap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderMap;
use serde_json::Value;
use stagewire_fakes::workday::{Options, Workday};
use stagewire_fakes::{Clock, Handle, Time, loopback};

/// An answer, read to its end.
struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect(&self.text)
    }

    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default()
    }

    fn entries(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()["Report_Entry"].as_array().unwrap().clone()
    }
}

async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await.unwrap(),
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// The made-up company on a clock that stands still.
struct Tenant {
    handle: Handle<Workday>,
    clock: Clock,
    client: reqwest::Client,
}

impl Tenant {
    async fn start() -> Tenant {
        Tenant::with(|options| options).await
    }

    async fn with(change: impl FnOnce(Options) -> Options) -> Tenant {
        let clock = Clock::manual(Time::parse("2026-09-01T08:00:00Z").unwrap());
        let fake = Workday::new(change(Options::for_tests(clock.clone())));
        fake.seed_company().unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder().no_proxy();
        let builder = builder.redirect(reqwest::redirect::Policy::none());
        Tenant {
            handle: fake.serve(loopback().await.unwrap()).await.unwrap(),
            clock,
            client: builder.build().unwrap(),
        }
    }

    fn fake(&self) -> &Workday {
        &self.handle.state
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.handle.url())
    }

    fn wait(&self, secs: u64) {
        self.clock.advance(std::time::Duration::from_secs(secs));
    }

    async fn grant(&self, header: Option<String>, form: &str) -> Answer {
        let mut request = self.client.post(self.url("/ccx/oauth2/lindenhof/token"));
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        send(request.body(form.to_owned())).await
    }

    async fn token(&self) -> String {
        let form = "grant_type=refresh_token&refresh_token=demo-refresh";
        let answer = self
            .grant(Some(basic("demo-client", "demo-secret")), form)
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    async fn get(&self, path: &str, authorization: &str) -> Answer {
        let request = self.client.get(self.url(path));
        send(request.header("authorization", authorization)).await
    }

    /// A report as the integration system user; `query` begins after the `?`.
    async fn report(&self, name: &str, query: &str) -> Answer {
        let path = format!("/ccx/service/customreport2/lindenhof/abrandt/{name}?{query}");
        let user = basic("ISU_Stagewire", "demo-isu-password");
        self.get(&path, &user).await
    }

    async fn envelope(&self, envelope: String) -> Answer {
        let request = self
            .client
            .post(self.url("/ccx/service/lindenhof/Recruiting/v42.0"));
        send(request.header("content-type", "text/xml").body(envelope)).await
    }

    /// An operation with this content, as the integration system user.
    async fn soap(&self, operation: &str, content: &str) -> Answer {
        self.envelope(envelope("demo-isu-password", operation, content))
            .await
    }
}

fn envelope(password: &str, operation: &str, content: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\
         <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:w=\"urn:com.workday/bsvc\"><s:Header><o:Security xmlns:o=\"http://docs.oasis-open.org\
         /wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\"><o:UsernameToken>\
         <o:Username>ISU_Stagewire@lindenhof</o:Username><o:Password>{password}</o:Password>\
         </o:UsernameToken></o:Security></s:Header><s:Body>\
         <w:{operation}_Request w:version=\"v42.0\">{content}</w:{operation}_Request>\
         </s:Body></s:Envelope>"
    )
}

/// What stands between the tags of every element of this name.
fn texts(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<wd:{name}>"), format!("</wd:{name}>"));
    let parts = xml.split(&open).skip(1);
    let parts = parts.map(|part| part.split(&close).next().unwrap().to_owned());
    parts.collect()
}

fn column(entries: &[Value], name: &str) -> Vec<String> {
    let cells = entries.iter().filter_map(|entry| entry[name].as_str());
    cells.map(str::to_owned).collect()
}
