//! The topics on the cluster: their names, their numbers of partitions, and how they come to be.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use footfall_event::Topic;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::RDKafkaErrorCode;

use super::context::Context;
use super::settings::Settings;
use crate::LogError;

/// Names and partition counts of all topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Both by `Topic as usize`.
    names: Vec<String>,
    counts: Vec<u32>,
}

impl Layout {
    /// The layout with this prefix and so many partitions.
    pub fn new(prefix: &str, partitions: u32) -> Layout {
        let names = Topic::ALL.iter().map(|topic| format!("{prefix}{}", topic.name())).collect();
        let counts = Topic::ALL
            .iter()
            .map(|topic| if topic.settings().single_partition { 1 } else { partitions })
            .collect();
        Layout { names, counts }
    }

    /// A topic's name on the cluster.
    pub fn name(&self, topic: Topic) -> &str {
        &self.names[topic as usize]
    }

    /// A topic's number of partitions.
    pub fn partitions(&self, topic: Topic) -> u32 {
        self.counts[topic as usize]
    }
}

/// Creates the topics that are missing and checks the others.
pub(super) fn ensure(settings: &Settings) -> Result<Layout, LogError> {
    let admin = admin(settings)?;
    let existing = existing(&admin, settings)?;
    let partitions = agreed_partitions(&existing, settings)?;
    let layout = Layout::new(&settings.topic_prefix, partitions);
    let missing: Vec<Topic> =
        Topic::ALL.into_iter().filter(|topic| !existing.contains_key(topic.name())).collect();
    if missing.is_empty() {
        return Ok(layout);
    }
    create(&admin, settings, &layout, &missing)?;
    wait_until_there(&admin, settings, partitions)?;
    tracing::info!(topics = missing.len(), partitions, "created kafka topics");
    Ok(layout)
}

/// Whether the cluster answers at all.
pub(super) fn reach(settings: &Settings) -> Result<(), LogError> {
    existing(&admin(settings)?, settings).map(drop)
}

fn admin(settings: &Settings) -> Result<AdminClient<Context>, LogError> {
    AdminClient::from_config_and_context(&settings.admin(), Context::new("admin"))
        .map_err(|error| LogError::Kafka(error.to_string()))
}

/// Our topics on the cluster, by name without prefix: number of partitions that have a leader.
fn existing(
    admin: &AdminClient<Context>,
    settings: &Settings,
) -> Result<BTreeMap<&'static str, u32>, LogError> {
    let metadata =
        admin.inner().fetch_metadata(None, settings.request_timeout()).map_err(|error| {
            LogError::Kafka(format!("the cluster at {} does not answer: {error}", settings.brokers))
        })?;
    let mut existing = BTreeMap::new();
    for found in metadata.topics() {
        let name = found.name().strip_prefix(&settings.topic_prefix).and_then(Topic::parse);
        if let Some(topic) = name
            && found.error().is_none()
        {
            let count = u32::try_from(found.partitions().len()).unwrap_or(u32::MAX);
            existing.insert(topic.name(), count);
        }
    }
    Ok(existing)
}

/// The number of partitions that the existing topics have, all the same, else the configured one.
fn agreed_partitions(
    existing: &BTreeMap<&'static str, u32>,
    settings: &Settings,
) -> Result<u32, LogError> {
    let mut agreed: Option<(&str, u32)> = None;
    for topic in Topic::ALL {
        let Some(&count) = existing.get(topic.name()) else { continue };
        let (with, wanted) = match agreed {
            _ if topic.settings().single_partition => ("its kind", 1),
            Some((first, wanted)) => (first, wanted),
            None => {
                agreed = Some((topic.name(), count));
                continue;
            }
        };
        if count != wanted {
            let prefix = &settings.topic_prefix;
            return Err(LogError::Kafka(format!(
                "topic {prefix}{} has {count} partitions, but {with} needs {wanted}: the partitions \
                 of all topics belong together. Use another --topic-prefix, or give it {wanted}",
                topic.name()
            )));
        }
    }
    if let Some((first, count)) = agreed
        && count != settings.partitions
    {
        tracing::info!(topic = first, count, "the topics exist with this number of partitions");
    }
    Ok(agreed.map_or(settings.partitions, |(_, count)| count))
}

/// The topic's configuration on the cluster.
fn configuration(topic: Topic, settings: &Settings) -> Vec<(&'static str, String)> {
    let kept = topic.settings();
    let mut configuration = if kept.compacted {
        // The open segment is never compacted, so it must not stay open for a week.
        vec![("cleanup.policy", "compact".into()), ("segment.ms", "3600000".into())]
    } else {
        let mut by_time = vec![
            ("cleanup.policy", "delete".into()),
            ("retention.ms", kept.retention.as_millis().to_string()),
        ];
        if let Some(bytes) = settings.retention_bytes {
            by_time.push(("retention.bytes", bytes.to_string()));
        }
        by_time
    };
    if settings.replication >= 3 {
        // Acknowledged means on two machines at least; with the default of 1 it may mean on one.
        configuration.push(("min.insync.replicas", "2".into()));
    }
    configuration
}

fn create(
    admin: &AdminClient<Context>,
    settings: &Settings,
    layout: &Layout,
    missing: &[Topic],
) -> Result<(), LogError> {
    let configurations: Vec<_> =
        missing.iter().map(|topic| configuration(*topic, settings)).collect();
    let topics: Vec<NewTopic<'_>> = missing
        .iter()
        .zip(&configurations)
        .map(|(topic, configuration)| {
            let count = i32::try_from(layout.partitions(*topic)).unwrap_or(i32::MAX);
            let replication = TopicReplication::Fixed(settings.replication);
            let new = NewTopic::new(layout.name(*topic), count, replication);
            configuration.iter().fold(new, |new, (key, value)| new.set(key, value))
        })
        .collect();
    let options = AdminOptions::new()
        .request_timeout(Some(settings.request_timeout()))
        .operation_timeout(Some(settings.request_timeout()));
    let results = wait_for(admin.create_topics(&topics, &options))
        .map_err(|error| LogError::Kafka(format!("topics can't be created: {error}")))?;
    for result in results {
        match result {
            // Another process was quicker.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code)) => {
                return Err(LogError::Kafka(format!("topic {name} can't be created: {code}")));
            }
        }
    }
    Ok(())
}

/// A created topic is not known to every broker at once.
fn wait_until_there(
    admin: &AdminClient<Context>,
    settings: &Settings,
    partitions: u32,
) -> Result<(), LogError> {
    let deadline = Instant::now() + settings.request_timeout();
    loop {
        let existing = existing(admin, settings)?;
        if existing.len() == Topic::ALL.len() {
            let settings = Settings { partitions, ..settings.clone() };
            return agreed_partitions(&existing, &settings).map(drop);
        }
        if Instant::now() > deadline {
            return Err(LogError::Kafka("topics were created, but don't appear".into()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future of the admin client, which needs no runtime (it has a thread of its own), so
/// that the log can be opened inside and outside of one.
pub(super) fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = TaskContext::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_counts_must_fit_together() {
        let settings = Settings::default();
        let check = |topics: &[(&'static str, u32)]| {
            agreed_partitions(&topics.iter().copied().collect(), &settings)
        };
        assert_eq!(check(&[]).expect("nothing there"), 8);
        assert_eq!(check(&[("clicks", 3), ("catalog", 1)]).expect("they agree"), 3);
        let error = check(&[("pageviews", 3), ("clicks", 4)]).expect_err("refused").to_string();
        assert!(error.contains("footfall.clicks has 4") && error.contains("pageviews"), "{error}");
        let error = check(&[("catalog", 8)]).expect_err("refused").to_string();
        assert!(error.contains("footfall.catalog has 8"), "{error}");
    }

    #[test]
    fn topics_are_found_by_their_number() {
        let layout = Layout::new("x.", 5);
        for topic in Topic::ALL {
            assert_eq!(layout.name(topic), format!("x.{}", topic.name()));
        }
        assert_eq!(layout.partitions(Topic::Clicks), 5);
        assert_eq!(layout.partitions(Topic::Catalog), 1);
    }
}
