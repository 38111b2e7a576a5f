// Uploads a file to a tus server with tus-js-client: stops on the way, then goes on.
//
//     node upload.mjs URL TOKEN FILE METADATA(JSON)

import { readFileSync } from 'node:fs'
import { Upload } from 'tus-js-client'

const [url, token, file, metadata] = process.argv.slice(2)
const bytes = readFileSync(file)

function start(more) {
  return new Promise((resolve, reject) => {
    const upload = new Upload(bytes, {
      endpoint: url,
      headers: { Authorization: `Bearer ${token}` },
      metadata: JSON.parse(metadata),
      chunkSize: 64 * 1024,
      retryDelays: null,
      onError: reject,
      onSuccess: () => resolve(upload),
      ...more(() => upload, resolve),
    })
    upload.start()
  })
}

const stopped = await start((upload, resolve) => ({
  async onChunkComplete(_size, accepted, total) {
    if (accepted < total / 2) return
    await upload().abort()
    resolve(upload())
  },
}))

let resumed
await start(() => ({
  uploadUrl: stopped.url,
  onProgress(sent) {
    resumed ??= sent
  },
}))
console.log(`${stopped.url} resumed at ${resumed}`)
