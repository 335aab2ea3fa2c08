#ifndef @NAME@_H
#define @NAME@_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define @NAME@_T @T@ /* frames of a clip */
#define @NAME@_CHANNELS @channels@
#define @NAME@_HEIGHT @height@
#define @NAME@_WIDTH @width@
#define @NAME@_FRAME_SIZE @frame_size@ /* values of a frame */
#define @NAME@_CLIP_SIZE @clip_size@
