//! What is usually found at an address of an I2C bus, and which families there are on 1-wire.

/// What is usually at this address: the parts that the gatekeeper has kinds for first.
pub(super) fn at(address: u8) -> Vec<&'static str> {
    let at = |(addresses, part): &(&[u8], &'static str)| addresses.contains(&address).then_some(*part);
    PARTS.iter().filter_map(at).collect()
}

/// What the family of a 1-wire part is, which its number begins with.
pub(super) fn family(id: &str) -> Option<&'static str> {
    let (code, _) = id.split_once('-')?;
    FAMILIES.iter().find(|(family, _)| *family == code).map(|(_, part)| *part)
}

/// From the parts' datasheets: the addresses that their pins can choose.
const PARTS: &[(&[u8], &str)] = &[
    (&[0x38, 0x39], "AHT10"),
    (&[0x38], "AHT20"),
    (&[0x48, 0x49, 0x4a, 0x4b], "TMP102"),
    (&[0x48, 0x49, 0x4a, 0x4b], "ADS1115"),
    (&[0x4c], "EMC2101"),
    (&[0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27], "MCP23017"),
    (&[0x27, 0x3f], "PCF8574 (LCD)"),
    (&[0x23, 0x5c], "BH1750"),
    (&[0x29], "VL53L0X"),
    (&[0x3c, 0x3d], "SSD1306"),
    (&[0x40], "INA219"),
    (&[0x40], "HTU21"),
    (&[0x40], "PCA9685"),
    (&[0x44, 0x45], "SHT31"),
    (&[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57], "EEPROM"),
    (&[0x5a], "MLX90614"),
    (&[0x68], "DS3231"),
    (&[0x68, 0x69], "MPU6050"),
    (&[0x76, 0x77], "BME280"),
];

/// From Linux, Documentation/w1/slaves.
const FAMILIES: &[(&str, &str)] = &[
    ("10", "DS18S20"),
    ("22", "DS1822"),
    ("28", "DS18B20"),
    ("3b", "DS1825"),
    ("42", "DS28EA00"),
    ("26", "DS2438"),
    ("29", "DS2408"),
    ("3a", "DS2413"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_the_parts_that_can_have_it() {
        assert_eq!(at(0x48), ["TMP102", "ADS1115"]);
        assert_eq!(at(0x08), [""; 0]);
    }

    #[test]
    fn a_number_on_1_wire_begins_with_its_family() {
        assert_eq!(family("28-0000072b5c3d"), Some("DS18B20"));
        assert_eq!(family("00-400000000000"), None);
        assert_eq!(family("w1_bus_master1"), None);
    }
}
