// Double SHA-256 of block headers in a smaller circuit: UNROLL rounds of each hash stand in hardware, and a hash goes
// round them 64/UNROLL times. It is plain_pipeline cut short: a hash takes its cycles one after the other, on the same
// gates, so that round constants come from a table and no shortcut is possible.
//
// Work comes in batches of UNROLL nonces on as many cycles; 64 cycles later the next batch begins.
//
// cycle       counts 0 to 63. A new nonce is taken while its quotient by UNROLL is 0.
// digest      valid for the nonces of the batch before, from two cycles after `cycle` is 0 on
module looped_core #(
    parameter UNROLL = 4, ADDER = 0
) (
    input clk,
    input [5:0] cycle,
    input [95:0] tail,
    input [31:0] nonce,
    input [383:0] padding_1,
    input [255:0] padding_2, initial_state, midstate,
    output [255:0] digest
);
    wire [255:0] final_1, digest_1, final_2;
    looped_compression #(.UNROLL(UNROLL), .ADDER(ADDER)) loop_1 (
        .clk(clk), .cycle(cycle), .start(midstate), .block({tail, nonce, padding_1}), .final(final_1)
    );
    feed_forward #(.ADDER(ADDER)) feed_forward_1 (
        .clk(clk), .state(midstate), .variables(final_1), .digest(digest_1)
    );

    wire [5:0] cycle_2;
    register #(.BITS(6)) hold_cycle (.clk(clk), .d(cycle), .q(cycle_2));
    looped_compression #(.UNROLL(UNROLL), .ADDER(ADDER)) loop_2 (
        .clk(clk), .cycle(cycle_2), .start(initial_state), .block({digest_1, padding_2}), .final(final_2)
    );
    feed_forward #(.ADDER(ADDER)) feed_forward_2 (
        .clk(clk), .state(initial_state), .variables(final_2), .digest(digest)
    );
endmodule

// The 64 rounds of one hash on UNROLL stages.
//
// cycle         as seen by the first stage; each stage sees it a cycle later than the one before
// start, block  working variables and message of a new hash
// final         working variables of a hash of the batch before, while the first stage takes new ones
module looped_compression #(
    parameter UNROLL = 4, ADDER = 0
) (
    input clk,
    input [5:0] cycle,
    input [255:0] start,
    input [511:0] block,
    output [255:0] final
);
    `include "constants.vh"
    localparam PASSES = 64 / UNROLL;
    localparam STEP = $clog2(UNROLL);  // `cycle` without its lowest STEP bits is the number of the pass

    genvar i, p;
    generate
        for (i = 0; i < UNROLL; i = i + 1) begin : stage
            wire [5:0] now;
            wire [255:0] before, after, variables;
            wire [511:0] held, window;
            if (i == 0) begin : first
                wire fresh = cycle[5:STEP] == 0;
                assign now = cycle;
                assign before = fresh ? start : stage[UNROLL-1].variables;
                assign held = fresh ? block : stage[UNROLL-1].window;
            end else begin : later
                register #(.BITS(6)) hold_cycle (.clk(clk), .d(stage[i-1].now), .q(now));
                assign before = stage[i-1].variables;
                assign held = stage[i-1].window;
            end

            // This stage's round constants, one for each pass.
            wire [32*PASSES-1:0] constants;
            for (p = 0; p < PASSES; p = p + 1) begin : pass
                assign constants[32*p +: 32] = K[2047-32*(p*UNROLL+i) -: 32];
            end
            wire [31:0] constant = constants[{now[5:STEP], 5'b0} +: 32];
            round #(.ADDER(ADDER)) step (.before(before), .addends({constant, held[511 -: 32]}), .after(after));
            register #(.BITS(256)) hold_variables (.clk(clk), .d(after), .q(variables));

            wire [31:0] next;
            message_word #(.ADDER(ADDER)) schedule (
                .w16(held[511 -: 32]), .w15(held[479 -: 32]), .w7(held[223 -: 32]), .w2(held[63 -: 32]),
                .known(32'b0), .word(next)
            );
            register #(.BITS(512)) hold_window (.clk(clk), .d({held[479:0], next}), .q(window));
        end
    endgenerate
    assign final = stage[UNROLL-1].variables;
endmodule
