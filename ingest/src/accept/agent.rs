//! Agent: browser, system, kind of device, and the bot that the user agent declares.

use std::sync::Arc;

use footfall_event::record::Event;

use super::Context;
use crate::agents::Agent;

/// What the user agent says; `None` when it is absent and that says nothing.
pub(crate) fn parse(context: &Context<'_>, user_agent: &str) -> Option<Arc<Agent>> {
    if user_agent.is_empty() && !context.policy.absent_agent_is_bot {
        return None;
    }
    Some(context.agents.of(user_agent))
}

/// Writes it into the event.
pub(crate) fn describe<'a>(event: &mut Event<'a>, agent: Option<&'a Agent>) {
    let Some(agent) = agent else { return };
    event.browser = agent.browser.as_str().into();
    event.browser_version = agent.browser_version.as_str().into();
    event.os = agent.os.as_str().into();
    event.os_version = agent.os_version.as_str().into();
    event.device = agent.device;
    event.bot = agent.bot.as_str().into();
}
