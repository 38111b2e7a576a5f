#if canImport(Security)
    import Foundation
    import Security

    /// The key of the courier's store, kept in the Keychain.
    ///
    /// It can be read once the phone was unlocked after a start, so that a sync in the background can
    /// open the store, and it leaves this phone in no backup: a restored phone enrols anew, with a new
    /// store. Not compiled away from Apple's systems.
    public enum StoreKey {
        private static let item: [CFString: Any] = [
            kSecClass: kSecClassGenericPassword,
            kSecAttrService: "lastmile",
            kSecAttrAccount: "store key",
        ]

        /// Why the Keychain gave no key: one of its status codes.
        public struct Unavailable: Error {
            public let status: OSStatus
        }

        /// Reads the key, or makes it on first use. It is kept before it is returned.
        public static func read() throws -> Data {
            var found: CFTypeRef?
            let query = item.merging([kSecReturnData: true]) { $1 }
            switch SecItemCopyMatching(query as CFDictionary, &found) {
            case errSecSuccess: return found as? Data ?? Data()
            case errSecItemNotFound: return try make()
            case let status: throw Unavailable(status: status)
            }
        }

        private static func make() throws -> Data {
            var key = Data(count: 32)
            let made = key.withUnsafeMutableBytes { SecRandomCopyBytes(kSecRandomDefault, 32, $0.baseAddress!) }
            guard made == errSecSuccess else { throw Unavailable(status: made) }
            let kept = item.merging([
                kSecAttrAccessible: kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly,
                kSecValueData: key,
            ]) { $1 }
            let status = SecItemAdd(kept as CFDictionary, nil)
            guard status == errSecSuccess else { throw Unavailable(status: status) }
            return key
        }
    }
#endif
