// A backend of another make for a phone's media: @tus/server, and the one header of our own.
//
//     node serve.mjs FOLDER

import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FileStore } from '@tus/file-store'
import { Server } from '@tus/server'

const [folder] = process.argv.slice(2)

const tus = new Server({
  path: '/v1/media',
  datastore: new FileStore({ directory: folder }),
  async onUploadFinish(_request, upload) {
    const sha256 = createHash('sha256').update(readFileSync(join(folder, upload.id))).digest('hex')
    return sha256 === upload.metadata.sha256 ? { headers: { 'Lastmile-Confirmed': sha256 } } : {}
  },
})

const server = createServer((request, answer) => tus.handle(request, answer))
server.listen(0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`)
})
