/* draw.c: a stand-in for a camera: writes videos of a ball that bounces in a box, as YUV4MPEG2, which is plain grey frames with a
 * line of text before each.
 *     draw OUT.y4m SEED
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { WIDTH = 96, HEIGHT = 72, FRAMES = 80 };

typedef struct Ball {
    double x, y, dx, dy, radius;
} Ball;

static double bounce(double position, double *speed, double least, double most) {
    if ((position < least && *speed < 0) || (position > most && *speed > 0)) *speed = -*speed;
    return position + *speed;
}

static void write_frame(FILE *out, const Ball *ball) {
    fputs("FRAME\n", out);
    for (int row = 0; row < HEIGHT; row++)
        for (int column = 0; column < WIDTH; column++) {
            double distance = hypot(column - ball->x, row - ball->y) - ball->radius; /* below 0: inside; the edge is a pixel wide */
            double inside = fmin(1, fmax(0, 0.5 - distance)), sky = 60 + 80.0 * row / HEIGHT;
            fputc((int)(sky + inside * (230 - sky)), out);
        }
}

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "usage: draw OUT.y4m SEED\n");
        return 2;
    }
    FILE *out = fopen(arguments[1], "wb");
    if (!out) {
        perror(arguments[1]);
        return 1;
    }
    srand((unsigned)atoi(arguments[2]));
    Ball ball = {20 + rand() % 50, 15 + rand() % 40, 1 + rand() % 3, 1 + rand() % 3, 7 + rand() % 8};
    fprintf(out, "YUV4MPEG2 W%d H%d F25:1 Ip A1:1 Cmono\n", WIDTH, HEIGHT);
    for (int i = 0; i < FRAMES; i++) {
        write_frame(out, &ball);
        ball.x = bounce(ball.x, &ball.dx, ball.radius, WIDTH - ball.radius);
        ball.y = bounce(ball.y, &ball.dy, ball.radius, HEIGHT - ball.radius);
    }
    const int failed = ferror(out);
    if (fclose(out) == 0 && !failed) return 0;
    perror(arguments[1]);
    return 1;
}
