package io.lastmile.demo

import android.content.SharedPreferences
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import android.util.Base64
import java.security.KeyStore
import java.security.SecureRandom
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

/**
 * The few secrets of the app, each sealed by a key that never leaves the Keystore.
 *
 * The key needs no unlocked phone, so that a sync in the background can open the store. What it sealed
 * cannot be opened on another phone: a restored backup enrols anew, with a new store.
 */
class Sealed(private val kept: SharedPreferences) {
    /** Reads a secret; `null` if there is none. */
    fun read(name: String): ByteArray? {
        val sealed = Base64.decode(kept.getString(name, null) ?: return null, Base64.NO_WRAP)
        val cipher = Cipher.getInstance(AES_GCM)
        cipher.init(Cipher.DECRYPT_MODE, key(), GCMParameterSpec(TAG_BITS, sealed, 0, IV_BYTES))
        return cipher.doFinal(sealed, IV_BYTES, sealed.size - IV_BYTES)
    }

    /** Keeps a secret. When it returns, the secret is on the disk. */
    fun keep(name: String, secret: ByteArray) {
        val cipher = Cipher.getInstance(AES_GCM).apply { init(Cipher.ENCRYPT_MODE, key()) }
        val sealed = cipher.iv + cipher.doFinal(secret)
        check(kept.edit().putString(name, Base64.encodeToString(sealed, Base64.NO_WRAP)).commit()) {
            "the phone has no room for a key"
        }
    }

    /** Returns the store's key, which is made and kept before the store is. */
    fun storeKey(): ByteArray = read(STORE_KEY)
        ?: ByteArray(32).also { SecureRandom().nextBytes(it) }.also { keep(STORE_KEY, it) }

    private fun key(): SecretKey {
        val keystore = KeyStore.getInstance(KEYSTORE).apply { load(null) }
        (keystore.getKey(ALIAS, null) as SecretKey?)?.let { return it }
        val use = KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT
        val spec = KeyGenParameterSpec.Builder(ALIAS, use)
            .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
            .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
            .setKeySize(256)
            .build()
        return KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, KEYSTORE).run {
            init(spec)
            generateKey()
        }
    }

    private companion object {
        const val KEYSTORE = "AndroidKeyStore"
        const val ALIAS = "lastmile"
        const val AES_GCM = "AES/GCM/NoPadding"
        const val IV_BYTES = 12
        const val TAG_BITS = 128
        const val STORE_KEY = "store_key"
    }
}
