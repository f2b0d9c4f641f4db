//! Fields of an event that are one of a few words, and the values of its properties.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A property's value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PropValue {
    /// True or false.
    Bool(bool),
    /// A number as the sender wrote it.
    Number(serde_json::Number),
    /// A text.
    Text(String),
}

/// How an event reached Footfall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// The script's beacon.
    #[default]
    Script,
    /// The pixel for pages without JavaScript.
    Pixel,
    /// A server with a key.
    Api,
    /// The click redirect.
    Redirect,
    /// An import of history.
    Import,
}

impl Via {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Via::Script => "script",
            Via::Pixel => "pixel",
            Via::Api => "api",
            Via::Redirect => "redirect",
            Via::Import => "import",
        }
    }
}

/// What kind of device the user agent says it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// Not known.
    #[default]
    Unknown,
    /// A desktop or laptop computer.
    Desktop,
    /// A phone.
    Mobile,
    /// A tablet.
    Tablet,
    /// A television or set-top box.
    Television,
}

impl Device {
    /// All of them.
    pub const ALL: [Device; 5] =
        [Device::Unknown, Device::Desktop, Device::Mobile, Device::Tablet, Device::Television];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Device::Unknown => "unknown",
            Device::Desktop => "desktop",
            Device::Mobile => "mobile",
            Device::Tablet => "tablet",
            Device::Television => "television",
        }
    }
}

/// The state of a conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConversionStatus {
    /// Somebody showed interest; may become a sale.
    Lead,
    /// Money changed hands.
    Sale,
    /// Taken back.
    Rejected,
}

impl ConversionStatus {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            ConversionStatus::Lead => "lead",
            ConversionStatus::Sale => "sale",
            ConversionStatus::Rejected => "rejected",
        }
    }
}
