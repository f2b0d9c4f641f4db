//! Opening a shard: fences the owner before, as long as the group says that the shard is ours.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::Consumer;
use rdkafka::producer::Producer;

use super::acks::{Delivery, ShardProducer};
use super::layout::Layout;
use super::membership::{MemberConsumer, Owned};
use super::settings::Settings;
use super::shard::KafkaShard;
use super::transaction::{Trouble, persist};
use crate::{CommitError, ShardLog, ShardOpener};

/// After a fence, the time in which the group tells whether the shard is still ours.
const FENCE_PAUSE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(20);

/// Opens the shards that a member owns.
pub(super) struct Opener {
    settings: Arc<Settings>,
    layout: Arc<Layout>,
    group: String,
    /// Weak, so that workers don't keep a member in the group that has left it.
    member: Weak<MemberConsumer>,
    owned: Arc<Owned>,
}

impl Opener {
    pub(super) fn new(
        settings: Arc<Settings>,
        layout: Arc<Layout>,
        group: String,
        member: Weak<MemberConsumer>,
        owned: Arc<Owned>,
    ) -> Opener {
        Opener { settings, layout, group, member, owned }
    }

    /// A shard that somebody else opened may still be ours (then the other one was late), or the
    /// group has expelled us and we don't know yet. Fencing the rightful owner would only make
    /// trouble, so wait until a heartbeat has told.
    fn wait_after_fence(&self, claim: &Claim) -> Result<(), CommitError> {
        let Some(fenced) = self.owned.fenced(claim.shard) else { return Ok(()) };
        while fenced.elapsed() < FENCE_PAUSE {
            claim.check()?;
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }
}

impl ShardOpener for Opener {
    fn open(&self, shard: u32) -> Result<Box<dyn ShardLog>, CommitError> {
        let epoch = self.owned.epoch(shard).ok_or_else(|| lost(shard))?;
        let claim =
            Claim { shard, epoch, member: self.member.clone(), owned: Arc::clone(&self.owned) };
        self.wait_after_fence(&claim)?;
        let delivery = Delivery::default();
        let config = self.settings.shard(&self.group, shard);
        let producer = ShardProducer::from_config_and_context(&config, delivery)
            .map_err(|error| CommitError::Failed(error.to_string()))?;
        let deadline = Instant::now() + self.settings.commit_timeout() * 2;
        persist(deadline, || claim.check().is_ok(), |timeout| producer.init_transactions(timeout))
            .map_err(|trouble| match trouble {
                Trouble::Fenced(reason) => {
                    self.owned.note_fenced(shard);
                    CommitError::Lost(reason)
                }
                other => match claim.check() {
                    Err(lost) => lost,
                    Ok(_) => CommitError::Failed(other.reason()),
                },
            })?;
        Ok(Box::new(KafkaShard::new(
            claim,
            producer,
            Arc::clone(&self.layout),
            self.settings.commit_timeout(),
        )))
    }
}

fn lost(shard: u32) -> CommitError {
    CommitError::Lost(format!("the group gave shard {shard} to another member"))
}

/// The membership's word that a shard is ours.
pub(super) struct Claim {
    pub(super) shard: u32,
    epoch: u64,
    pub(super) member: Weak<MemberConsumer>,
    pub(super) owned: Arc<Owned>,
}

impl Claim {
    /// The member, as long as the shard is its own.
    pub(super) fn check(&self) -> Result<Arc<MemberConsumer>, CommitError> {
        let member = self.member.upgrade().ok_or_else(|| lost(self.shard))?;
        if self.owned.epoch(self.shard) != Some(self.epoch) || member.assignment_lost() {
            return Err(lost(self.shard));
        }
        Ok(member)
    }
}
