/** The native face (docs/protocol.md#3-native-face): runs of every kind and their logs. */
import type { Face } from '#http/face'
import { abortRoutes, conversationRoutes } from './actions.ts'
import { type ChangesParts, changesRoutes } from './changes.ts'
import { logRoutes } from './log.ts'
import { type MessageParts, messageRoutes } from './messages.ts'
import { type ProducerParts, producerRoutes } from './producers.ts'
import { questionRoutes } from './questions.ts'
import type { NativeFaceParts } from './run-route.ts'
import { runRoutes } from './runs.ts'

export function nativeFace(parts: NativeFaceParts & ProducerParts & MessageParts & ChangesParts): Face {
  return {
    routes(app) {
      runRoutes(app, parts)
      logRoutes(app, parts)
      changesRoutes(app, parts)
      abortRoutes(app, parts)
      conversationRoutes(app, parts)
      messageRoutes(app, parts)
      questionRoutes(app, parts)
      producerRoutes(app, parts)
    },
  }
}
