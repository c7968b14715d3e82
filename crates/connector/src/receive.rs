//! A connector at work on what comes in: deliveries and rows. Believes nothing by itself.

use crate::http::{LARGEST, Request, Response, rebase};
use crate::intake::{Intake, IntakeSpec};
use crate::load::Connector;
use crate::mapping::Mapped;
use crate::outcome::{Outcome, Taken};
use crate::paging::ScanError;
use crate::protect::{Cut, Unreadable};
use crate::settings::Settings;
use crate::soap;
use crate::stream::{Ask, ReadPlan, Stream};
use crate::template::{Template, plain};
use crate::verify::{Headers, Proof, Verdict};
use serde_json::Value;
use stagewire_model::{Entity, Micros};
use std::collections::BTreeSet;

impl Connector {
    /// How deliveries are received; `None` where nothing arrives.
    pub fn intake(&self) -> Option<&IntakeSpec> {
        self.intake.as_ref().map(|i| &i.spec)
    }

    /// Whether raw bytes come from who they say, in constant time.
    pub fn verify(
        &self,
        settings: &Settings,
        headers: Headers<'_, '_>,
        body: &[u8],
        now: Micros,
    ) -> Verdict {
        self.prove(settings, headers, body, now).verdict
    }

    /// The same, with what else the recipe finds.
    pub fn prove(
        &self,
        settings: &Settings,
        headers: Headers<'_, '_>,
        body: &[u8],
        now: Micros,
    ) -> Proof {
        match self.intake.as_ref().map(|i| &i.recipe) {
            Some(Some(recipe)) => recipe.verify(settings, headers, body, now),
            Some(None) => Proof::only(Verdict::Unsigned),
            None => Proof::only(Verdict::Bad),
        }
    }

    /// Signs a body as the vendor would: for fixtures, rehearsals and the self-test. (the header, or the path of the body's field;
    /// the value)
    pub fn sign_as_vendor(
        &self,
        secret: &str,
        headers: Headers<'_, '_>,
        body: &[u8],
    ) -> Option<(String, String)> {
        self.intake
            .as_ref()?
            .recipe
            .as_ref()?
            .sign(secret, headers, body)
    }

    /// Whether a body is the vendor's ping, which needs an answer and no secret.
    pub fn is_ping(&self, body: &[u8]) -> bool {
        self.intake.as_ref().is_some_and(|i| i.is_ping(body))
    }

    /// The same of a parsed body.
    pub fn pings(&self, value: &Value) -> bool {
        self.intake.as_ref().is_some_and(|i| i.pings(value))
    }

    /// Whether a body is what the vendor's settings page sends to try the address: it says nothing, and is kept as a test.
    pub fn is_test(&self, body: &[u8]) -> bool {
        self.intake.as_ref().is_some_and(|i| i.is_test(body))
    }

    /// The vendor's id of a delivery: data, not proof.
    pub fn delivery_id(&self, headers: Headers<'_, '_>) -> Option<String> {
        self.intake.as_ref()?.delivery_id(headers)
    }

    /// The delivery types the manifest knows.
    pub fn delivery_types(&self) -> BTreeSet<&str> {
        self.intake.iter().flat_map(Intake::types).collect()
    }

    /// Parses a body once under limits and cuts what is protected.
    pub fn cut(&self, body: &[u8]) -> Result<Cut, Unreadable> {
        self.protected.cut(
            body,
            self.intake
                .as_ref()
                .map_or(10 * 1024 * 1024, |i| i.spec.max_body),
        )
    }

    /// Cuts what is protected from a parsed value; true if something was there.
    pub fn cut_value(&self, value: &mut Value) -> bool {
        self.protected.cut_value(value)
    }

    /// What a delivery says.
    pub fn map_delivery(&self, value: &Value) -> Mapped {
        self.intake
            .as_ref()
            .map_or_else(Mapped::default, |i| i.map(&self.shapes, value))
    }

    /// All streams, in the order of a backfill.
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// The stream of that name.
    pub fn stream(&self, name: &str) -> Option<&Stream> {
        self.streams.iter().find(|s| s.name == name)
    }

    /// Whether the connection has filled in all that the stream's address names: reports that a customer has not built are left out.
    pub fn asks(&self, stream: &Stream, settings: &Settings) -> bool {
        stream.is_filled_in(settings)
    }

    /// The address calls go to, without a slash at its end.
    pub fn base(&self, settings: &Settings) -> Option<String> {
        let base = match &self.base_url {
            Some(own) => {
                let named = |name: &str| settings.get(name).map(Value::from);
                let own = Template::parse(own).ok()?.fill(&named, plain);
                match (own, &settings.base_url) {
                    (Ok(own), other) => rebase(&own, other.as_deref()),
                    (Err(_), Some(other)) => other.clone(),
                    (Err(_), None) => return None,
                }
            }
            None => settings.base_url.clone()?,
        };
        Some(base.trim_end_matches('/').to_owned())
    }

    /// The first page of an answer; [`Connector::authorize`] adds the credentials.
    pub fn first_page(
        &self,
        stream: &Stream,
        settings: &Settings,
        ask: &Ask,
    ) -> Result<Request, ScanError> {
        self.first_page_at(stream, settings, ask, None)
    }

    /// The same at an instant, for a vendor that wants to be told of which moment all pages should be.
    pub fn first_page_at(
        &self,
        stream: &Stream,
        settings: &Settings,
        ask: &Ask,
        now: Option<Micros>,
    ) -> Result<Request, ScanError> {
        let base = self.base(settings).ok_or(ScanError::NotSupported)?;
        stream.first(&base, settings, ask, now)
    }

    /// The page after one that was read. It keeps the request's headers.
    pub fn next_page(
        &self,
        stream: &Stream,
        request: &Request,
        response: &Response,
    ) -> Result<Option<Request>, ScanError> {
        if !stream.pages(request) {
            return Ok(None);
        }
        let rows = || {
            let body = response.json().unwrap_or_default();
            stream
                .asked(request)
                .rows_of(body)
                .map_or(0, |rows| rows.len())
        };
        let whole = !stream.asks_ids(request);
        stream
            .paging_of(request)
            .next(request, response, &|| response.json(), &rows, whole)
    }

    /// The rows of a page, without what is protected; and the sync token, where the page holds one. A row of a list that belongs
    /// to one record gets that record's id at `of.id`.
    pub fn rows(
        &self,
        stream: &Stream,
        request: &Request,
        response: &Response,
    ) -> Result<(Vec<Value>, Option<String>), ScanError> {
        let read = match soap::is_xml(response) {
            true => soap::read(&response.body, LARGEST),
            false => crate::protect::parse(&response.body, LARGEST),
        };
        let mut body = read.map_err(|_| ScanError::NotRows)?;
        self.protected.cut_value(&mut body);
        let token = stream.token_in(&body);
        let mut rows = stream.asked(request).rows_of(body)?;
        if let Some(id) = stream.owner(request) {
            for row in rows.iter_mut().filter_map(Value::as_object_mut) {
                row.insert("of".into(), serde_json::json!({ "id": id }));
            }
        }
        Ok((rows, token))
    }

    /// What a row says.
    pub fn map_row(&self, stream: &Stream, row: &Value) -> Mapped {
        let mut mapped = Mapped {
            kind: stream.name.clone(),
            known: true,
            ..Mapped::default()
        };
        if let Some(shape) = self.shapes.get(&stream.shape) {
            self.shapes
                .observe(shape, row, &mut mapped.observations, &mut mapped.drift);
        }
        mapped
    }

    /// The streams to ask for a record of that kind: its row first, then its parts, then its history.
    pub fn reads_for(&self, entity: Entity) -> Vec<ReadPlan> {
        let mut plans: Vec<ReadPlan> = self.streams.iter().filter_map(|s| s.plan(entity)).collect();
        plans.sort_by_key(|p| (p.history, p.part));
        if plans.iter().all(|p| p.part) {
            plans.clear(); // its parts alone are no record
        }
        plans
    }

    /// What the answer to a read means; `Done` where its rows may be taken.
    pub fn classify_read(&self, response: &Response, now: Micros) -> Outcome {
        self.reading.outcome(None, &Taken::default(), response, now)
    }
}
