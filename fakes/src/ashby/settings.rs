//! The `webhook.*` methods. A setting made or changed is pinged first, and is off if that fails.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Ashby;
use super::endpoints::Setting;
use super::fields::Fields;
use super::ids::{Kind, id, number};
use super::problem::Problem;
use super::webhooks::{Kept, Subscriber, ping, type_by_api};

pub(crate) async fn answer(
    fake: &Arc<Ashby>,
    what: Setting,
    body: &Map<String, Value>,
) -> Result<Value, Problem> {
    let fields = Fields(body);
    if what == Setting::Create {
        let setting = Subscriber {
            webhook_type: type_by_api(fields.need("webhookType")?)?.into(),
            url: fields.need("requestUrl")?.into(),
            secret: Some(fields.need("secretToken")?.into()),
            enabled: true,
        };
        return Ok(fake.make_setting(setting).await.show());
    }
    let n = number(Kind::Webhook, fields.need("webhookId")?);
    let n = n.ok_or_else(|| Problem::missing(Kind::Webhook))?;
    let kept = {
        let core = fake.lock();
        let kept = core.settings.iter().find(|kept| kept.n == n);
        kept.cloned()
            .ok_or_else(|| Problem::missing(Kind::Webhook))?
    };
    match what {
        Setting::Update => {
            let mut setting = kept.setting;
            setting.enabled = fields.flag("enabled")?.unwrap_or(setting.enabled);
            if let Some(url) = fields.text("requestUrl")? {
                setting.url = url.into();
            }
            if let Some(secret) = fields.text("secretToken")? {
                setting.secret = Some(secret.into());
            }
            fake.pinged(&mut setting).await;
            let kept = Kept { n, setting };
            let shown = kept.show();
            let mut core = fake.lock();
            if let Some(old) = core.settings.iter_mut().find(|old| old.n == n) {
                *old = kept;
            }
            Ok(shown)
        }
        Setting::Delete => {
            fake.lock().settings.retain(|kept| kept.n != n);
            Ok(json!({"webhookId": id(Kind::Webhook, n)}))
        }
        Setting::Info | Setting::Create => Ok(kept.show()),
    }
}

impl Ashby {
    /// The webhook settings there are, as the API shows them.
    pub fn settings(&self) -> Vec<Value> {
        let core = self.lock();
        core.settings.iter().map(Kept::show).collect()
    }

    /// A person switches a setting on or off, or (`None`) takes it away.
    pub fn change_setting(&self, webhook: &str, enabled: Option<bool>) {
        let n = number(Kind::Webhook, webhook);
        let all = &mut self.lock().settings;
        match enabled {
            None => all.retain(|kept| Some(kept.n) != n),
            Some(on) => all
                .iter_mut()
                .filter(|kept| Some(kept.n) == n)
                .for_each(|kept| kept.setting.enabled = on),
        }
    }

    pub(super) async fn make_setting(&self, mut setting: Subscriber) -> Kept {
        self.pinged(&mut setting).await;
        self.keep_setting(setting)
    }

    /// Pings, and switches the setting off if nobody answers well. A captured ping always succeeds.
    async fn pinged(&self, setting: &mut Subscriber) {
        let ping = {
            let core = &mut *self.lock();
            let ping = ping(setting, core.options.action_ids, &mut core.rng);
            if core.options.capture {
                core.outbox.push(ping);
                return;
            }
            ping
        };
        let client = crate::sender::client(self.webhook_timeout);
        let mut request = client.post(&setting.url).body(ping.body.clone());
        for (name, value) in &ping.headers {
            request = request.header(name, value);
        }
        let answer = request.send().await;
        let well = answer.is_ok_and(|answer| answer.status().as_u16() < 400);
        setting.enabled &= well;
    }
}
